#include "kserve_grpc/stream_request.h"

#include <algorithm>
#include <variant>

#include "kserve/parameters.h"
#include "kserve_grpc/stream_call.h"

namespace tfe::kserve_grpc {
namespace {

bool asks_for_empty_final(const std::vector<WireParameter>& parameters) {
  return std::ranges::any_of(parameters, [](const WireParameter& parameter) {
    const auto* value = std::get_if<bool>(&parameter.value);
    return value != nullptr && *value &&
           kserve::parameter_key(parameter.key, kserve::Protocol::kGrpc) ==
               kserve::ParameterKey::kEmptyFinalResponse;
  });
}

}  // namespace

StreamRequest::StreamRequest(std::shared_ptr<StreamCall> stream, const InferMessage& wire)
    : stream_(std::move(stream)),
      identity_{std::string(wire.id), std::string(wire.model_name),
                std::string(wire.model_version)},
      wants_empty_final_(asks_for_empty_final(wire.parameters)) {}

void StreamRequest::on_event(kserve::InferEvent event) {
  stream_->on_event(shared_from_this(), std::move(event));
}

}  // namespace tfe::kserve_grpc
