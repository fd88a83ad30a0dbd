// Runs inference requests and gives responses back as values.
//
// Thread rule: submit() on any thread; the receiver is called on threads of the core, possibly
// before submit() returned. Receivers must be short: encode, post to the connection's strand.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "kserve/extensions.h"
#include "kserve/request.h"
#include "triton/inference.h"
#include "triton/server.h"

namespace tfe::kserve {

// An output ready to be encoded: classification applied, shared memory marked.
struct ResponseOutput {
  std::string_view name;
  triton::DataType datatype = triton::DataType::kInvalid;
  std::span<const std::int64_t> shape;
  base::Bytes data;               // empty for zero-size tensors and for shared memory
  bool in_shared_memory = false;  // the client reads it from its own region
};

// One response with everything its views point to. Shared, so that a base::Chain can refer to
// output memory until it is sent: use `std::shared_ptr<const InferResponse>` as the owner of
// segments.
struct InferResponse {
  std::string_view model_name;
  std::int64_t model_version = 0;
  std::string_view id;
  std::vector<triton::Parameter> parameters;
  std::vector<ResponseOutput> outputs;

  // What the views above refer to.
  std::optional<triton::Response> core;
  std::vector<std::string> owned_data;
  std::vector<triton::Shape> owned_shapes;
};

// A response, an error, or neither (a bare final flag).
struct InferEvent {
  std::shared_ptr<const InferResponse> response;
  std::optional<base::Error> error;
  bool final = false;
};

class InferReceiver {
 public:
  virtual ~InferReceiver() = default;
  virtual void on_event(InferEvent event) = 0;
};

using InferCall = std::shared_ptr<triton::Cancellation>;

// Whether other processes serve, with all their models, the port that the question is asked for.
// Any thread; empty: there are none.
using OtherServers = std::function<bool()>;

class Inference {
 public:
  // Without `client_shm` requests find no shared memory, whoever has registered it: what one port
  // allows must not open another. What this process cannot do now is refused with kElsewhere if
  // `others` can; otherwise a model that is stuck has its requests, which wait for it.
  explicit Inference(std::shared_ptr<triton::Server> server, bool client_shm = false,
                     OtherServers others = {});

  // For protocols that answer with exactly one response: fails with kUnsupported if the model is
  // decoupled (`protocol_text` is the message) or with the core's error for an unknown model.
  base::Status check_single_response(const std::string& model, std::int64_t version,
                                     std::string_view protocol_text) const;

  // Whether the model cannot answer here now while another process can.
  bool elsewhere(const std::string& model) const;

  // Streams: every response as it comes. The request is consumed also on failure.
  base::Result<InferCall> submit(InferRequest&& request, std::shared_ptr<InferReceiver> receiver);

  // Unary: exactly one event with final set; a response without the flag is held until the flag
  // comes, and any count other than one becomes "expected a single response, got <n>".
  base::Result<InferCall> submit_single(InferRequest&& request,
                                        std::shared_ptr<InferReceiver> receiver);

  const std::shared_ptr<triton::Server>& server() const { return server_; }
  // Shared with every other frontend of the server.
  Extensions& extensions() const { return *extensions_; }

 private:
  template <typename Delivery>
  base::Result<InferCall> send(InferRequest&& request, std::shared_ptr<InferReceiver> receiver);
  base::Status check_fault(const std::string& model) const;

  std::shared_ptr<triton::Server> server_;
  std::shared_ptr<Extensions> extensions_;
  bool client_shm_;
  OtherServers others_;
};

}  // namespace tfe::kserve
