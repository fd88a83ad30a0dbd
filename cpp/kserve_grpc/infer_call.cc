#include "kserve_grpc/infer_call.h"

#include <utility>

#include "kserve/version.h"
#include "kserve_grpc/infer_request.h"
#include "kserve_grpc/infer_response.h"

namespace tfe::kserve_grpc {
namespace {

base::Result<base::Chain> encode(kserve::InferEvent& event) {
  if (event.error) return std::unexpected(std::move(*event.error));
  if (event.response) return encode_infer_response(event.response);
  return base::fail(base::Code::kInternal, "No response object found in the callback");
}

}  // namespace

void UnaryInferCall::on_request(grpc::Message message) {
  auto submitted = submit(message);
  if (!submitted) call().finish(grpc::to_status(std::move(submitted.error())));
}

// In the order in which Triton's frontend finds errors: form, version, model, parameters and data,
// then whatever the core says.
base::Status UnaryInferCall::submit(const grpc::Message& message) {
  const auto wire = parse_infer_message(message.bytes, limits_);
  if (!wire) return std::unexpected(wire.error());
  const auto version = kserve::parse_version(wire->model_version);
  if (!version) return std::unexpected(version.error());
  auto single = inference_.check_single_response(
      std::string(wire->model_name), *version,
      "ModelInfer RPC doesn't support models with decoupled transaction policy");
  if (!single) return single;
  auto request = build_infer_request(*wire, *version, message.owner);
  if (!request) return std::unexpected(std::move(request.error()));
  auto running = inference_.submit_single(std::move(*request), shared_from_this());
  if (!running) return std::unexpected(std::move(running.error()));
  running_ = std::move(*running);
  return {};
}

void UnaryInferCall::on_event(kserve::InferEvent event) {
  auto answer = encode(event);
  const auto where = call().best_place(answer ? answer->size() : 0);
  call().strand()->post(
      [self = shared_from_this(), answer = std::move(answer)]() mutable {
        if (answer) return self->call().reply(std::move(*answer));
        self->call().finish(grpc::to_status(std::move(answer.error())));
      },
      where);
}

// Best effort: backends look when they like. The answer finds the call finished and is dropped.
void UnaryInferCall::on_cancel() {
  if (running_) running_->cancel();
}

}  // namespace tfe::kserve_grpc
