#include "kserve_grpc/control.h"

#include <utility>

namespace tfe::kserve_grpc {

void change(ContextPtr context, kserve::ControlCall call, ResponseToChange response,
            Respond respond) {
  const Context& held = *context;
  auto done = [context = std::move(context), response = std::move(response),
               respond = std::move(respond)](base::Status status) mutable {
    if (status) return respond(response());
    respond(std::unexpected(std::move(status).error()));
  };
  kserve::change(*held.server, held.inference.extensions(), std::move(call), std::move(done));
}

void change(ContextPtr context, base::Result<kserve::ControlCall> call, Respond respond) {
  if (!call) return respond(std::unexpected(std::move(call).error()));
  change(std::move(context), *std::move(call), [] { return std::string(); }, std::move(respond));
}

void ask_group(ContextPtr context, kserve::GroupQuery query, EncodeAnswer encode, Respond respond) {
  const Context& held = *context;
  auto answer = [context = std::move(context), encode,
                 respond = std::move(respond)](base::Result<std::string> json) mutable {
    if (json) return respond(encode(*json));
    respond(std::move(json));
  };
  kserve::ask_group(*held.server, held.inference.extensions(), std::move(query), std::move(answer));
}

}  // namespace tfe::kserve_grpc
