#include "kserve_http/repository.h"

#include <limits>
#include <utility>
#include <vector>

#include "base/base64.h"
#include "codec/json_reader.h"
#include "kserve/model_control.h"
#include "kserve_http/control.h"
#include "kserve_http/json_field.h"

namespace tfe::kserve_http {
namespace {

using base::Code;
using base::Status;
using codec::JsonReader;
using codec::JsonType;
using codec::JsonValue;

// Visits the members of the root object; an empty body and any other root have none.
template <typename Each>
Status each_root_member(base::Bytes body, Each each) {
  if (body.empty()) return {};
  JsonReader reader(base::as_text(body));
  auto status = reader.each_member(each);
  return reader.finish(std::move(status));
}

// Visits the members of the root's first "parameters".
template <typename Each>
Status each_parameter(base::Bytes body, Each each) {
  bool seen = false;
  Status result;
  auto status = each_root_member(body, [&](std::string_view key, JsonValue value) -> Status {
    if (key != "parameters" || std::exchange(seen, true)) return value.validate();
    if (value.type() == JsonType::kObject) {
      result = value.each_member(each);
    } else if (result = value.validate(); result) {
      result = base::fail(Code::kInternal, "attempt to get members for non-object");
    }
    return {};
  });
  return status ? result : status;
}

base::Result<triton::LoadParameter> load_parameter(std::string_view key, std::string_view value) {
  const auto kind = kserve::load_parameter_kind(key);
  if (kind == kserve::LoadParameterKind::kConfig) {
    return triton::LoadParameter{std::string(key), std::string(value), false};
  }
  if (kind == kserve::LoadParameterKind::kUnknown) {
    return base::fail(Code::kInternal, "unexpected error on creating Triton parameter");
  }
  if (value.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    return base::fail(Code::kInvalidArgument, "'" + std::string(key) +
                                                  "' exceeds the maximum allowed data size limit "
                                                  "INT_MAX");
  }
  return triton::LoadParameter{std::string(key), base::base64_decode_lenient(value), true};
}

}  // namespace

void repository_index(std::shared_ptr<const Context> context, base::Bytes body,
                      BlockingCall::Answer answer) {
  Field<bool> ready;
  const auto status = each_root_member(body, [&](std::string_view key, JsonValue value) -> Status {
    if (key != "ready" || ready) return value.validate();
    ready = value.boolean();
    return {};
  });
  if (!status) return answer(error_reply(status.error()));
  if (ready && !*ready) {
    return answer(
        error_reply({Code::kInvalidArgument, "Invalid value for 'ready': expected a boolean"}));
  }
  ask_group(std::move(context), kserve::IndexQuery{ready && **ready}, std::move(answer));
}

void repository_load(std::shared_ptr<const Context> context, const std::string& model,
                     base::Bytes body, BlockingCall::Answer answer) {
  std::vector<triton::LoadParameter> parameters;
  const auto status = each_parameter(body, [&](std::string_view key, JsonValue value) -> Status {
    const auto text = value.string();
    if (!text) return std::unexpected(text.error());
    auto parameter = load_parameter(key, *text);
    if (!parameter) return std::unexpected(std::move(parameter).error());
    parameters.push_back(*std::move(parameter));
    return {};
  });
  if (!status) return answer(error_reply(status.error()));
  change(std::move(context), kserve::LoadModel{model, std::move(parameters)}, done_reply,
         std::move(answer));
}

void repository_unload(std::shared_ptr<const Context> context, const std::string& model,
                       base::Bytes body, BlockingCall::Answer answer) {
  Field<bool> dependents;
  auto status = each_parameter(body, [&](std::string_view key, JsonValue value) -> Status {
    if (key != "unload_dependents" || dependents) return value.validate();
    dependents = value.boolean();
    return {};
  });
  if (status) status = optional_field(dependents, "unload_dependents");
  if (!status) return answer(error_reply(status.error()));
  change(std::move(context), kserve::UnloadModel{model, dependents && **dependents}, done_reply,
         std::move(answer));
}

}  // namespace tfe::kserve_http
