#include "kserve_http/infer_output.h"

#include <algorithm>
#include <utility>

#include "kserve_http/json_field.h"

namespace tfe::kserve_http {
namespace {

using base::Code;
using base::Status;
using codec::JsonType;
using codec::JsonValue;

struct Fields {
  Field<std::string> name;
  bool has_parameters = false;
  Field<bool> binary;
  Field<std::uint64_t> classification;
  SharedMemoryFields shared_memory;
};

Status read_fields(JsonValue element, Fields& fields) {
  const auto parameter = [&](std::string_view key, JsonValue value) -> Status {
    if (key == "binary_data" && !fields.binary) {
      fields.binary = value.boolean();
    } else if (key == "classification" && !fields.classification) {
      fields.classification = value.unsigned_integer();
    } else if (!fields.shared_memory.take(key, value)) {
      return value.validate();
    }
    return {};
  };
  return element.each_member([&](std::string_view key, JsonValue value) -> Status {
    if (key == "name" && !fields.name) {
      fields.name = own_string(value);
      return {};
    }
    if (key == "parameters" && !std::exchange(fields.has_parameters, true) &&
        value.type() == JsonType::kObject) {
      return value.each_member(parameter);
    }
    return value.validate();
  });
}

Status check(const Fields& fields) {
  const bool region = fields.shared_memory.region.has_value();
  if (region && fields.classification) {
    return base::fail(Code::kInvalidArgument,
                      "Output can't set both 'shared_memory_region' and 'classification'");
  }
  if (auto status = required(fields.name, "name"); !status) return status;
  if (fields.classification && !*fields.classification) {
    return std::unexpected(
        with_context("Unable to set 'classification': ", fields.classification->error()));
  }
  if (!region) return optional_field(fields.binary, "binary_data");
  if (auto status = fields.shared_memory.check(); !status) return status;
  if (fields.binary && !*fields.binary) {
    return std::unexpected(with_context("Unable to set 'binary_data': ", fields.binary->error()));
  }
  if (fields.binary && **fields.binary) {
    return base::fail(Code::kInvalidArgument,
                      "Output can't set both 'shared_memory_region' and 'binary_data'");
  }
  return {};
}

}  // namespace

bool OutputKinds::is_binary(std::string_view output) const {
  for (const auto& [name, binary] : listed) {
    if (name == output) return binary;
  }
  return binary_by_default;
}

Status decode_output(JsonValue element, const Options& options, kserve::InferRequest& request,
                     OutputKinds& kinds) {
  if (request.outputs.size() >= options.max_tensors) {
    return base::fail(Code::kInvalidArgument,
                      "request has more than " + std::to_string(options.max_tensors) + " outputs");
  }
  Fields fields;
  if (element.type() == JsonType::kObject) {
    if (auto status = read_fields(element, fields); !status) return status;
  } else if (auto status = element.validate(); !status) {
    return status;
  }
  if (auto status = check(fields); !status) return status;
  kserve::RequestedOutput output;
  output.name = **fields.name;
  // The core counts classes in 32 bits; more than there are means all.
  if (fields.classification) {
    output.classification =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(**fields.classification, 0xffffffffU));
  }
  const SharedMemoryFields& memory = fields.shared_memory;
  if (memory.region) {
    output.shared_memory =
        kserve::SharedMemoryRef{.region = **memory.region,
                                .offset = memory.offset ? **memory.offset : 0,
                                .byte_size = memory.byte_size ? **memory.byte_size : 0};
  }
  kinds.listed.emplace_back(output.name, fields.binary && **fields.binary);
  request.outputs.push_back(std::move(output));
  return {};
}

}  // namespace tfe::kserve_http
