// What can be set about the KServe v2 HTTP endpoints. Limits of HTTP itself are http1::Limits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "kserve/access_policy.h"
#include "kserve/admission.h"
#include "kserve/executor.h"
#include "kserve/header_forwarding.h"
#include "kserve/inference.h"

namespace tfe::kserve_http {

struct Options {
  // Bytes of JSON text of any request, of each tensor given in JSON, and of a raw binary request.
  // The default of Triton's --http-max-input-size. Answered 400 before memory is taken.
  std::uint64_t max_input_size = std::uint64_t{64} << 20;
  // Nesting of a JSON tensor; deeper data is refused because reading it recurses. Triton's value.
  int max_data_depth = 100;
  // Entries of one request's inputs, outputs and parameters: far above any model, but a request of
  // the largest size could hold millions, each an object of the core. Answered 400.
  std::size_t max_tensors = 4096;
  std::size_t max_parameters = 4096;
  // Clients may register shared memory. Off, as Triton's --allow-client-shm: a region gives whoever
  // reaches the port access to memory of the machine.
  bool allow_client_shm = false;
  // Answers from this size on are compressed if the client accepts it: below, the coding's own
  // bytes and the time eat up what it saves. zlib's levels 1..9; 0 never compresses.
  std::size_t min_compress_size = 1024;
  int compression_level = 6;
  // Bytes of one event stream that may wait for the client; see GenerateStream for what happens
  // above. Far beyond any text; the memory is the frontend's.
  std::size_t max_stream_backlog = std::size_t{64} << 20;
};

// What every endpoint works with. Shared by the service and the requests in flight, which may
// outlive it and the executors: the core answers when it likes.
struct Context {
  std::shared_ptr<triton::Server> server;
  kserve::Inference inference;
  kserve::ExecutorRef executor;
  Options options;
  kserve::AccessPolicy access = {};
  kserve::HeaderForwarding forwarding = {};
  kserve::Admission admission = {};
  // Threads for work(); those of `executor` unless there are others.
  kserve::ExecutorRef workers = executor;

  // Decodes, encodes or compresses a large body off the thread that has it.
  base::Status work(kserve::Executor::Task task) const {
    return workers.submit(std::move(task), kserve::Executor::Lane::kQuick);
  }
};

}  // namespace tfe::kserve_http
