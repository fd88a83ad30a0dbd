#include "kserve_grpc/infer_call.h"

#include <string>
#include <utility>

#include "kserve/version.h"
#include "kserve_grpc/infer_request.h"
#include "kserve_grpc/infer_response.h"
#include "kserve_grpc/queue_deadline.h"

namespace tfe::kserve_grpc {
namespace {

base::Result<base::Chain> encode(kserve::InferEvent& event) {
  if (event.error) return std::unexpected(std::move(*event.error));
  if (event.response) return encode_infer_response(event.response);
  return base::fail(base::Code::kInternal, "No response object found in the callback");
}

}  // namespace

std::shared_ptr<UnaryInferCall> UnaryInferCall::start(const ContextPtr& context,
                                                      const std::shared_ptr<grpc::Call>& call,
                                                      const grpc::Metadata& metadata) {
  auto ticket = context->admission.admit(0);
  if (!ticket) {
    call->finish(grpc::to_status(std::move(ticket.error())));
    return nullptr;
  }
  return std::make_shared<UnaryInferCall>(context, call, metadata, std::move(*ticket));
}

void UnaryInferCall::on_request(grpc::Message message) {
  trace_start_.read();
  if (auto checked = check(message); !checked) return fail(std::move(checked.error()));
  if (data_work(wire_) > kHeavyData) return build_on_worker(std::move(message.owner));
  go_on(build(std::move(message.owner)));
}

// In the order in which Triton's frontend finds errors: form, version, model, parameters and data,
// then whatever the core says.
base::Status UnaryInferCall::check(const grpc::Message& message) {
  if (auto charged = ticket_.grow_to(message.bytes.size()); !charged) return charged;
  auto wire = parse_infer_message(message.bytes, context_->options.limits);
  if (!wire) return std::unexpected(std::move(wire.error()));
  wire_ = std::move(*wire);
  const auto version = kserve::parse_version(wire_.model_version);
  if (!version) return std::unexpected(version.error());
  version_ = *version;
  return context_->inference.check_single_response(
      std::string(wire_.model_name), version_,
      "ModelInfer RPC doesn't support models with decoupled transaction policy");
}

base::Result<kserve::InferRequest> UnaryInferCall::build(base::Owner owner) const {
  auto request = build_infer_request(wire_, version_, std::move(owner));
  if (!request) return request;
  if (auto status = forwarded_.add_to(*request); !status) return std::unexpected(status.error());
  return request;
}

void UnaryInferCall::build_on_worker(base::Owner owner) {
  auto submitted = context_->work([self = shared_from_this(), owner = std::move(owner)]() mutable {
    self->call().strand()->post(
        [self, request = self->build(std::move(owner))]() mutable {
          self->go_on(std::move(request));
        },
        http::Strand::Where::kLoop);
  });
  if (!submitted) fail(std::move(submitted.error()));
}

void UnaryInferCall::go_on(base::Result<kserve::InferRequest> request) {
  if (call().finished()) return give_back();
  if (!request) return fail(std::move(request.error()));
  log_surplus(*context_->server, wire_, *request);
  wire_ = {};
  if (auto submitted = submit(std::move(*request)); !submitted) fail(std::move(submitted.error()));
}

base::Status UnaryInferCall::submit(kserve::InferRequest&& request) {
  trace_ = trace_start_.sample(*context_, request.model);
  request.trace = trace_;
  limit_queue_time(context_->options, call(), request);
  auto running = context_->inference.submit_single(std::move(request), shared_from_this());
  if (!running) return std::unexpected(std::move(running.error()));
  // An event that came already waits for the strand, so this is never late.
  running_ = std::move(*running);
  return {};
}

void UnaryInferCall::fail(base::Error error) {
  give_back();
  call().finish(failure(context_->options, call(), grpc::to_status(std::move(error))));
}

void UnaryInferCall::on_event(kserve::InferEvent event) {
  trace_mark(trace_, kResponseComplete);
  auto answer = encode(event);
  const auto where = call().best_place(answer ? answer->size() : 0);
  call().strand()->post(
      [self = shared_from_this(), answer = std::move(answer)]() mutable {
        self->running_.reset();
        if (!answer) return self->fail(std::move(answer.error()));
        self->give_back();
        self->call().reply(trace_message(self->trace_, std::move(*answer)));
      },
      where);
}

// Best effort: backends look when they like. The answer finds the call finished and is dropped.
void UnaryInferCall::on_cancel() {
  if (running_) running_->cancel();
}

}  // namespace tfe::kserve_grpc
