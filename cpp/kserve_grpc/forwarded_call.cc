#include "kserve_grpc/forwarded_call.h"

#include <algorithm>

#include "kserve_grpc/infer_message.h"

namespace tfe::kserve_grpc {
namespace {

constexpr std::string_view kPath = "/inference.GRPCInferenceService/ModelInfer";

bool has(const std::vector<WireParameter>& parameters, std::string_view key) {
  return std::ranges::find(parameters, key, &WireParameter::key) != parameters.end();
}

// Whether what it needs is at this worker alone.
bool belongs_here(const InferMessage& wire) {
  const auto uses_memory = [](const auto& tensor) {
    return has(tensor.parameters, "shared_memory_region");
  };
  return has(wire.parameters, "sequence_id") || std::ranges::any_of(wire.inputs, uses_memory) ||
         std::ranges::any_of(wire.outputs, uses_memory);
}

}  // namespace

ForwardedCall::ForwardedCall(ContextPtr context, std::shared_ptr<grpc::Call> call,
                             const grpc::Metadata& metadata, std::unique_ptr<grpc::Route> route)
    : UnaryHandler(std::move(call)), context_(std::move(context)), route_(std::move(route)) {
  metadata.each(
      [this](std::string_view key, std::string_view value) { headers_.emplace_back(key, value); });
}

void ForwardedCall::on_request(grpc::Message message) {
  if (!may_leave(message.bytes)) return stay(std::move(message));
  go(std::move(message));
}

bool ForwardedCall::may_leave(base::Bytes message) {
  if (route_ && !fits(message)) return false;
  const auto wire = parse_infer_message(message, context_->options.limits);
  if (!wire || belongs_here(*wire)) return false;
  if (!route_ && context_->server->faults().find(std::string(wire->model_name))) {
    route_ = context_->forwarder->divert();
  }
  return route_ && fits(message);
}

void ForwardedCall::go(grpc::Message message) {
  auto ticket = context_->admission.admit(message.bytes.size());
  if (!ticket) return call().finish(grpc::to_status(std::move(ticket.error())));
  ticket_ = *std::move(ticket);
  base::Chain copy;
  copy.append(message.bytes, message.owner);
  message_ = std::move(message);
  route_->send(kPath, headers(), std::move(copy),
               [weak = weak_from_this(), strand = call().strand()](grpc::ForwardedReply reply) {
                 const auto self = weak.lock();
                 if (!self) return;
                 const auto where = self->call().best_place(reply.message.size());
                 strand->post(
                     [self, reply = std::move(reply)]() mutable { self->take(std::move(reply)); },
                     where);
               });
}

void ForwardedCall::take(grpc::ForwardedReply reply) {
  route_.reset();
  ticket_ = {};
  if (call().finished()) return;
  if (reply.untouched) return stay(std::move(message_));
  message_ = {};
  if (!reply.status.ok()) return call().finish(std::move(reply.status));
  call().reply(std::move(reply.message));
}

void ForwardedCall::stay(grpc::Message message) {
  route_.reset();
  const auto views = headers();
  here_ = UnaryInferCall::start(context_, shared_call(), grpc::Metadata(views));
  if (here_) here_->on_message(std::move(message));
}

void ForwardedCall::on_cancel() {
  if (here_) return here_->on_cancel();
  if (route_) route_->cancel();
  route_.reset();
  ticket_ = {};
}

std::vector<http::HeaderView> ForwardedCall::headers() const {
  std::vector<http::HeaderView> views;
  views.reserve(headers_.size());
  for (const auto& [name, value] : headers_) views.push_back({name, value});
  return views;
}

std::shared_ptr<grpc::CallHandler> start_infer(const ContextPtr& context,
                                               const std::shared_ptr<grpc::Call>& call,
                                               const grpc::Metadata& metadata) {
  if (context->forwarder) {
    if (metadata.find(grpc::kForwardedKey)) {
      context->forwarder->count_received();
    } else if (auto route = context->forwarder->choose();
               route || context->server->faults().any()) {
      return std::make_shared<ForwardedCall>(context, call, metadata, std::move(route));
    }
  }
  return UnaryInferCall::start(context, call, metadata);
}

}  // namespace tfe::kserve_grpc
