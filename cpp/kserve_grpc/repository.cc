// RepositoryIndex, RepositoryModelLoad and RepositoryModelUnload (model repository extension). All
// of them read the repository or wait for models, so they run on the executor; those that wait for
// models on the slow lane.
#include <algorithm>
#include <string>
#include <variant>
#include <vector>

#include "codec/proto_reader.h"
#include "kserve/model_control.h"
#include "kserve_grpc/control.h"
#include "kserve_grpc/schema.h"
#include "kserve_grpc/service.h"
#include "kserve_grpc/unary.h"

namespace tfe::kserve_grpc {
namespace {

using codec::field_key;
using codec::ProtoReader;
using codec::Wire;

struct RawBytes {
  std::string_view bytes;
};
// ModelRepositoryParameter, the oneof parameter_choice.
using Choice = std::variant<std::monostate, bool, std::int64_t, std::string_view, RawBytes>;

struct RepositoryParameter {
  std::string_view key;
  Choice value;
};

struct ModelRequest {
  std::string_view repository;
  std::string_view model;
  std::vector<RepositoryParameter> parameters;
};

bool parse_choice(base::Bytes message, Choice& choice) {
  ProtoReader reader(message);
  while (reader.next()) {
    if (reader.key() == field_key(1, Wire::kVarint)) choice = reader.boolean();
    if (reader.key() == field_key(2, Wire::kVarint)) choice = reader.int64();
    if (reader.key() == field_key(3, Wire::kBytes)) choice = reader.text();
    if (reader.key() == field_key(4, Wire::kBytes))
      choice = RawBytes{base::as_text(reader.bytes())};
  }
  return !reader.failed();
}

// The last entry of a key counts. Honest requests have a handful; more than kMaxParameters are not
// compared with each other.
constexpr std::size_t kMaxParameters = 4'096;

bool parse_entry(base::Bytes entry, std::vector<RepositoryParameter>& parameters) {
  RepositoryParameter parameter;
  ProtoReader reader(entry);
  while (reader.next()) {
    if (reader.key() == field_key(1, Wire::kBytes)) parameter.key = reader.text();
    if (reader.key() == field_key(2, Wire::kBytes) &&
        !parse_choice(reader.bytes(), parameter.value)) {
      return false;
    }
  }
  std::erase_if(parameters, [&](const auto& other) { return other.key == parameter.key; });
  parameters.push_back(parameter);
  return !reader.failed() && parameters.size() <= kMaxParameters;
}

base::Result<ModelRequest> parse_model_request(base::Bytes request) {
  ModelRequest result;
  ProtoReader reader(request);
  while (reader.next()) {
    if (reader.key() == field_key(1, Wire::kBytes)) result.repository = reader.text();
    if (reader.key() == field_key(2, Wire::kBytes)) result.model = reader.text();
    if (reader.key() == field_key(3, Wire::kBytes) &&
        !parse_entry(reader.bytes(), result.parameters)) {
      reader.fail();
    }
  }
  if (reader.failed()) return std::unexpected(unparsable());
  if (auto checked = kserve::check_repository_name(result.repository); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  if (auto checked = check_name("model_name", result.model); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  return result;
}

std::unexpected<base::Error> invalid(std::string message) {
  return base::fail(base::Code::kInvalidArgument, std::move(message));
}

base::Result<triton::LoadParameter> load_parameter(const RepositoryParameter& parameter) {
  const std::string key(parameter.key);
  const std::string wrong_type = "invalid value type for load parameter '" + key + "', expected ";
  switch (kserve::load_parameter_kind(parameter.key)) {
    case kserve::LoadParameterKind::kConfig: {
      const auto* text = std::get_if<std::string_view>(&parameter.value);
      if (text == nullptr) return invalid(wrong_type + "string_param.");
      return triton::LoadParameter{key, std::string(*text), false};
    }
    case kserve::LoadParameterKind::kFile: {
      const auto* raw = std::get_if<RawBytes>(&parameter.value);
      if (raw == nullptr) return invalid(wrong_type + "bytes_param.");
      return triton::LoadParameter{key, std::string(raw->bytes), true};
    }
    case kserve::LoadParameterKind::kUnknown:
      break;
  }
  return invalid("unrecognized load parameter '" + key + "'.");
}

base::Result<kserve::ControlCall> load(base::Bytes request) {
  const auto parsed = parse_model_request(request);
  if (!parsed) return std::unexpected(parsed.error());
  std::vector<triton::LoadParameter> parameters;
  for (const RepositoryParameter& given : parsed->parameters) {
    auto parameter = load_parameter(given);
    if (!parameter) return std::unexpected(std::move(parameter.error()));
    parameters.push_back(std::move(*parameter));
  }
  return kserve::LoadModel{std::string(parsed->model), std::move(parameters)};
}

base::Result<kserve::ControlCall> unload(base::Bytes request) {
  const auto parsed = parse_model_request(request);
  if (!parsed) return std::unexpected(parsed.error());
  bool dependents = false;
  for (const RepositoryParameter& given : parsed->parameters) {
    if (given.key != "unload_dependents") continue;
    const auto* value = std::get_if<bool>(&given.value);
    if (value == nullptr) {
      return invalid("invalid value type for 'unload_dependents' parameter, expected bool_param.");
    }
    dependents = *value;
  }
  return kserve::UnloadModel{std::string(parsed->model), dependents};
}

base::Result<kserve::GroupQuery> index(base::Bytes request) {
  std::string_view repository;
  bool ready_only = false;
  ProtoReader reader(request);
  while (reader.next()) {
    if (reader.key() == field_key(1, Wire::kBytes)) repository = reader.text();
    if (reader.key() == field_key(2, Wire::kVarint)) ready_only = reader.boolean();
  }
  if (reader.failed()) return std::unexpected(unparsable());
  if (auto checked = kserve::check_repository_name(repository); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  return kserve::IndexQuery{ready_only};
}

base::Result<std::string> encode_index(std::string_view json) {
  return codec::json_to_proto(json, kRepositoryIndexResponse);
}

}  // namespace

void add_repository(grpc::Router& router, const ContextPtr& context) {
  add_later(
      router, std::string(kService) + "RepositoryIndex",
      [context](base::Bytes request, Respond respond) {
        auto query = index(request);
        if (!query) return respond(std::unexpected(std::move(query).error()));
        ask_group(context, *std::move(query), &encode_index, std::move(respond));
      },
      context->blocking(), Lane::kQuick);
  const auto add = [&](std::string_view name, auto* decode) {
    add_later(
        router, std::string(kService) + std::string(name),
        [context, decode](base::Bytes request, Respond respond) {
          change(context, decode(request), std::move(respond));
        },
        context->blocking(), Lane::kSlow);
  };
  add("RepositoryModelLoad", &load);
  add("RepositoryModelUnload", &unload);
}

}  // namespace tfe::kserve_grpc
