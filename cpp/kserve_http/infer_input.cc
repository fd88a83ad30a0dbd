#include "kserve_http/infer_input.h"

#include <utility>

#include "kserve_http/json_field.h"
#include "kserve_http/tensor_json.h"

namespace tfe::kserve_http {
namespace {

using base::Code;
using base::Status;
using codec::JsonType;
using codec::JsonValue;

base::Result<triton::Shape> read_shape(JsonValue value) {
  triton::Shape shape;
  auto status = value.each_element([&](JsonValue element) -> Status {
    auto dim = element.unsigned_integer();
    if (!dim) return std::unexpected(std::move(dim).error());
    shape.push_back(static_cast<std::int64_t>(*dim));
    return {};
  });
  if (!status) return std::unexpected(std::move(status).error());
  return shape;
}

}  // namespace

struct InputDecoder::Fields {
  Field<std::string> name;
  Field<std::string> datatype;
  Field<triton::Shape> shape;
  Field<DecodedData> data;
  std::string_view later;  // text of a "data" that came before what it needs
  bool has_parameters = false;
  Field<std::uint64_t> binary_size;
  SharedMemoryFields shared_memory;

  bool tensor_known() const { return name && *name && datatype && *datatype && shape && *shape; }

  // Exactly one source of the tensor's bytes.
  Status check_source() const {
    const bool region = shared_memory.region.has_value();
    if (data.has_value() + binary_size.has_value() + region == 1) return {};
    std::string text =
        "Input must set only one of the following fields: 'data', 'binary_data_size' in "
        "'parameters', 'shared_memory_region' in 'parameters'. But";
    if (!data && !binary_size && !region)
      return base::fail(Code::kInvalidArgument, text + " no field is set");
    text += " set";
    if (data) text += " 'data'";
    if (binary_size) text += " 'binary_data_size'";
    if (region) text += " 'shared_memory_region'";
    return base::fail(Code::kInvalidArgument, std::move(text));
  }

  Status check() const {
    if (auto status = check_source(); !status) return status;
    if (auto status = required(name, "name"); !status) return status;
    if (auto status = required(datatype, "datatype"); !status) return status;
    if (auto status = required(shape, "shape"); !status) return status;
    if (auto status = optional_field(binary_size, "binary_data_size"); !status) return status;
    return shared_memory.region ? shared_memory.check() : Status();
  }
};

void InputDecoder::decode_data_now(JsonValue value, Fields& fields) {
  const DataTarget target{**fields.name, triton::parse_datatype(**fields.datatype), **fields.shape,
                          json_size_};
  fields.data = decode_data(value, target, options_);
}

void InputDecoder::take_data(JsonValue value, Fields& fields) {
  if (fields.tensor_known()) return decode_data_now(value, fields);
  fields.data = DecodedData{};
  if (auto text = value.array_text()) {
    fields.later = *text;
  } else {
    fields.data = std::unexpected(unable_to_parse("data", text.error()));
  }
}

Status InputDecoder::read_fields(JsonValue element, Fields& fields) {
  const auto parameter = [&](std::string_view key, JsonValue value) -> Status {
    if (key == "binary_data_size") {
      if (!fields.binary_size) fields.binary_size = value.unsigned_integer();
      return {};
    }
    if (fields.shared_memory.take(key, value)) return {};
    return value.validate();
  };
  return element.each_member([&](std::string_view key, JsonValue value) -> Status {
    if (key == "name" && !fields.name) {
      fields.name = own_string(value);
    } else if (key == "datatype" && !fields.datatype) {
      fields.datatype = own_string(value);
    } else if (key == "shape" && !fields.shape) {
      fields.shape = read_shape(value);
    } else if (key == "data" && !fields.data) {
      take_data(value, fields);
    } else if (key == "parameters" && !std::exchange(fields.has_parameters, true) &&
               value.type() == JsonType::kObject) {
      return value.each_member(parameter);
    } else {
      return value.validate();
    }
    return {};
  });
}

Status InputDecoder::take_binary(std::uint64_t size, kserve::Input& input) {
  const std::size_t left = binary_.size() - used_;
  if (size > left) {
    return base::fail(Code::kInvalidArgument, "unexpected size for input '" + input.name +
                                                  "', expecting " + std::to_string(size - left) +
                                                  " additional bytes for model '" +
                                                  std::string(model_) + "'");
  }
  input.data = binary_.subspan(used_, size);
  used_ += size;
  return {};
}

Status InputDecoder::decode(JsonValue element, kserve::InferRequest& request) {
  if (request.inputs.size() >= options_.max_tensors) {
    return base::fail(Code::kInvalidArgument,
                      "request has more than " + std::to_string(options_.max_tensors) + " inputs");
  }
  Fields fields;
  if (element.type() == JsonType::kObject) {
    if (auto status = read_fields(element, fields); !status) return status;
  } else if (auto status = element.validate(); !status) {
    return status;
  }
  if (auto status = fields.check(); !status) return status;
  if (!fields.later.empty()) {
    codec::JsonReader reader(fields.later);
    if (reader.root_type() == JsonType::kArray) decode_data_now(reader.root_array(), fields);
    if (auto status = reader.finish({}); !status) return status;
  }
  kserve::Input input;
  input.name = std::move(**fields.name);
  input.datatype = triton::parse_datatype(**fields.datatype);
  input.shape = std::move(**fields.shape);
  if (fields.data) {
    if (!*fields.data) return std::unexpected(fields.data->error());
    input.data = (*fields.data)->bytes;
    if ((*fields.data)->owner) request.memory.push_back(std::move((*fields.data)->owner));
  } else if (fields.binary_size) {
    if (auto status = take_binary(**fields.binary_size, input); !status) return status;
  } else {
    const SharedMemoryFields& memory = fields.shared_memory;
    input.shared_memory =
        kserve::SharedMemoryRef{.region = **memory.region,
                                .offset = memory.offset ? **memory.offset : 0,
                                .byte_size = memory.byte_size ? **memory.byte_size : 0};
  }
  request.inputs.push_back(std::move(input));
  return {};
}

Status InputDecoder::finish() const {
  if (used_ == binary_.size()) return {};
  return base::fail(Code::kInvalidArgument,
                    "unexpected additional input data for model '" + std::string(model_) + "'");
}

}  // namespace tfe::kserve_http
