// What can be set about the KServe v2 gRPC methods, and what they work with. Limits of gRPC itself
// are grpc::RouterOptions.
#pragma once

#include <chrono>
#include <memory>
#include <utility>

#include "grpc/forwarder.h"
#include "kserve/access_policy.h"
#include "kserve/admission.h"
#include "kserve/executor.h"
#include "kserve/header_forwarding.h"
#include "kserve/inference.h"
#include "kserve_grpc/infer_message.h"
#include "kserve_grpc/unary.h"

namespace tfe::kserve_grpc {

// Of one ModelStreamInfer; see stream_call.h.
struct StreamLimits {
  // Bytes of responses of one stream that may wait for its client. A thousand times what text
  // needs, and room for large tensors, each of which may exceed it alone.
  std::size_t max_backlog = std::size_t{64} << 20;
  // Requests of one stream in work at once; the next is read when one of them ends. More than any
  // model batches, and than the sequences that one client runs.
  std::size_t max_inflight_requests = 1'024;
  // In a drain a stream takes further requests until it was silent for that long, since a client in
  // the middle of a conversation cannot know; five times as long at most. Zero: none from the
  // beginning of the drain.
  std::chrono::milliseconds drain_grace{0};
};

struct Options {
  MessageLimits limits;
  StreamLimits stream = {};
  // Server reflection, which tells strangers what there is to call.
  bool reflection = false;
  // Inferences without a timeout of their own may wait in the scheduler's queue until the call's
  // deadline. Off: models see the timeout, and Triton shows them only what the client has set.
  bool deadline_as_queue_timeout = false;
  // Clients may register shared memory. Off, as Triton's --allow-client-shm: a region gives whoever
  // reaches the port access to memory of the machine.
  bool allow_client_shm = false;
};

// What every method works with. Shared by the router and the requests in flight, which may outlive
// it and the executors: the core answers when it likes.
struct Context {
  std::shared_ptr<triton::Server> server;
  kserve::Inference inference;
  kserve::ExecutorRef executor;
  Options options = {};
  kserve::AccessPolicy access = {};
  kserve::HeaderForwarding forwarding = {};
  kserve::Admission admission = {};
  // Threads for work(); those of `executor` unless there are others.
  kserve::ExecutorRef workers = executor;
  // Where calls go that would wait here, or whose model has a fault here; null: nowhere.
  std::shared_ptr<grpc::Forwarder> forwarder = nullptr;

  BlockingResources blocking() const { return {executor, admission}; }
  // Decodes a large request off the thread that has it.
  base::Status work(kserve::Executor::Task task) const {
    return workers.submit(std::move(task), kserve::Executor::Lane::kQuick);
  }
};

using ContextPtr = std::shared_ptr<Context>;

}  // namespace tfe::kserve_grpc
