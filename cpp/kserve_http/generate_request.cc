#include "kserve_http/generate_request.h"

#include <algorithm>
#include <utility>

#include "codec/json_reader.h"
#include "codec/json_writer.h"
#include "kserve/parameters.h"
#include "kserve_http/infer_parameters.h"
#include "kserve_http/json_field.h"
#include "kserve_http/tensor_json.h"

namespace tfe::kserve_http {
namespace {

using base::Code;
using base::Error;
using base::Status;
using codec::JsonReader;
using codec::JsonType;
using codec::JsonValue;

// The model's shape for `count` values. Fails if the fixed dimensions do not divide them.
base::Result<triton::Shape> shape_for(const ModelInput& input, std::size_t count) {
  triton::Shape shape = input.shape;
  auto left = static_cast<std::int64_t>(count);
  bool fits = true;
  for (const std::int64_t dim : shape) {
    if (dim < 0) continue;
    fits = fits && (dim == 0 ? left == 0 : left % dim == 0);
    if (fits && dim > 0) left /= dim;
  }
  for (auto dim = shape.rbegin(); dim != shape.rend(); ++dim) {
    if (*dim < 0) *dim = std::exchange(left, 1);
  }
  if (fits && (left == 1 || has_zero_elements(shape))) return shape;
  return base::fail(Code::kInvalidArgument, "The schema can not convert input '" + input.name +
                                                "' to tensor with proper shape");
}

// Sets a protocol parameter that is a natural number.
void apply_number(kserve::ParameterKey key, std::uint64_t number, kserve::InferRequest& request) {
  if (key == kserve::ParameterKey::kSequenceId) request.sequence_id = number;
  if (key == kserve::ParameterKey::kPriority) request.priority = number;
  if (key == kserve::ParameterKey::kTimeout) request.timeout_us = number;
}

// Sets one that is a text or a flag. Values of another type are the model's alone.
void apply_value(kserve::ParameterKey key, const triton::ParameterValue& value,
                 kserve::InferRequest& request) {
  const auto* text = std::get_if<std::string>(&value);
  if (text != nullptr && key == kserve::ParameterKey::kSequenceId) request.sequence_id = *text;
  const auto* flag = std::get_if<bool>(&value);
  if (flag == nullptr) return;
  std::uint32_t bit = 0;
  if (key == kserve::ParameterKey::kSequenceStart) bit = triton::kSequenceStart;
  if (key == kserve::ParameterKey::kSequenceEnd) bit = triton::kSequenceEnd;
  request.flags = *flag ? request.flags | bit : request.flags & ~bit;
}

class GenerateDecoder {
 public:
  GenerateDecoder(const Options& options, const std::vector<ModelInput>& inputs,
                  std::size_t json_size, kserve::InferRequest& request)
      : options_(options), inputs_(inputs), json_size_(json_size), request_(request) {}

  Status member(std::string_view key, JsonValue value) {
    if (key == "parameters") return nested(value);
    if (key == "id") return id(value);
    return map(key, value, false);
  }

 private:
  Status id(JsonValue value) {
    auto text = own_string(value);
    if (!text) return std::unexpected(unable_to_parse("id", text.error()));
    request_.id = *text;
    // The value can be visited only once, so a string is all that an input "id" can be given.
    if (const ModelInput* input = find_input("id")) return strings(*input, *text);
    return add_parameter("id", *std::move(text));
  }

  Status nested(JsonValue value) {
    if (find_input("parameters") != nullptr) {
      return base::fail(Code::kInvalidArgument,
                        "Keyword 'parameters' for nested schema also given as input tensor name");
    }
    if (value.type() != JsonType::kObject) {
      auto status = value.each_member([](std::string_view, JsonValue) { return Status(); });
      return std::unexpected(
          with_context("Expected JSON object for keyword: 'parameters': ", status.error()));
    }
    auto status = value.each_member(
        [this](std::string_view key, JsonValue member) { return map(key, member, true); });
    if (status) return status;
    return std::unexpected(with_context("Converting keyword: 'parameters': ", status.error()));
  }

  Status map(std::string_view key, JsonValue value, bool protocol) {
    if (const ModelInput* input = find_input(key)) return tensor(*input, value);
    if (protocol) return protocol_parameter(key, value);
    auto decoded = decode_parameter_value(key, value);
    if (!decoded) return std::unexpected(std::move(decoded).error());
    return add_parameter(key, *std::move(decoded));
  }

  Status protocol_parameter(std::string_view key, JsonValue value) {
    const auto known = kserve::parameter_key(key, kserve::Protocol::kHttp);
    // A number can be read once, and custom parameters have no unsigned type.
    if (const auto number = value.unsigned_integer()) {
      apply_number(known, *number, request_);
      if (std::in_range<std::int64_t>(*number)) {
        return add_parameter(key, static_cast<std::int64_t>(*number));
      }
      return add_parameter(key, static_cast<double>(*number));
    }
    auto decoded = decode_parameter_value(key, value);
    if (!decoded) return std::unexpected(std::move(decoded).error());
    apply_value(known, *decoded, request_);
    return add_parameter(key, *std::move(decoded));
  }

  Status tensor(const ModelInput& input, JsonValue value) {
    if (input.datatype == triton::DataType::kInvalid) {
      return base::fail(Code::kInvalidArgument,
                        "input '" + input.name + "' has unsupported datatype <invalid>");
    }
    std::size_t count = 1;
    if (value.type() == JsonType::kArray) {
      const auto counted = value.count_elements();
      if (!counted) return std::unexpected(counted.error());
      count = *counted;
    }
    auto shape = shape_for(input, count);
    if (!shape) return std::unexpected(std::move(shape).error());
    const DataTarget target{input.name, input.datatype, *shape, json_size_, true};
    auto data = decode_data(value, target, options_);
    if (!data) return std::unexpected(std::move(data).error());
    return add_input(input, *std::move(shape), *std::move(data));
  }

  // One string for an input that need not take strings.
  Status strings(const ModelInput& input, const std::string& text) {
    std::string json = "[";
    codec::append_json_string(json, text);
    json += ']';
    const std::size_t size = json.size();
    json.append(JsonReader::kPadding, ' ');
    JsonReader reader(std::string_view(json).substr(0, size));
    return tensor(input, reader.root_array());
  }

  Status add_input(const ModelInput& input, triton::Shape shape, DecodedData data) {
    used_ += data.bytes.size();
    if (used_ > options_.max_input_size) {
      return base::fail(Code::kInvalidArgument,
                        "request size of " + std::to_string(used_) + " bytes with input '" +
                            input.name + "' of size " + std::to_string(data.bytes.size()) +
                            " bytes exceeds the maximum allowed input size of " +
                            std::to_string(options_.max_input_size) +
                            ". Use --http-max-input-size to increase the limit.");
    }
    if (request_.inputs.size() >= options_.max_tensors) {
      return base::fail(
          Code::kInvalidArgument,
          "request has more than " + std::to_string(options_.max_tensors) + " inputs");
    }
    if (data.owner) request_.memory.push_back(std::move(data.owner));
    kserve::Input& added = request_.inputs.emplace_back();
    added.name = input.name;
    added.datatype = input.datatype;
    added.shape = std::move(shape);
    added.data = data.bytes;
    return {};
  }

  // The first of several with one name counts. Repetitions are not kept, but bounded: each is
  // looked for among all others.
  Status add_parameter(std::string_view key, triton::ParameterValue value) {
    auto& parameters = request_.parameters;
    const bool known = std::any_of(parameters.begin(), parameters.end(),
                                   [&](const auto& parameter) { return parameter.name == key; });
    if ((known ? repetitions_++ : parameters.size()) >= options_.max_parameters) {
      return base::fail(
          Code::kInvalidArgument,
          "request has more than " + std::to_string(options_.max_parameters) + " parameters");
    }
    if (known) return {};
    parameters.push_back({std::string(key), std::move(value)});
    return {};
  }

  const ModelInput* find_input(std::string_view name) const {
    const auto found = std::find_if(inputs_.begin(), inputs_.end(),
                                    [&](const ModelInput& input) { return input.name == name; });
    return found == inputs_.end() ? nullptr : &*found;
  }

  const Options& options_;
  const std::vector<ModelInput>& inputs_;
  std::size_t json_size_;
  kserve::InferRequest& request_;
  std::uint64_t used_ = 0;       // bytes of all tensors so far
  std::size_t repetitions_ = 0;  // of parameters
};

}  // namespace

base::Result<kserve::InferRequest> decode_generate(std::string model, std::int64_t version,
                                                   const std::vector<ModelInput>& inputs,
                                                   base::Bytes json, const Options& options) {
  kserve::InferRequest request;
  request.model = std::move(model);
  request.version = version;
  JsonReader reader(base::as_text(json));
  GenerateDecoder decoder(options, inputs, json.size(), request);
  auto status = reader.each_member(
      [&](std::string_view key, JsonValue value) { return decoder.member(key, value); }, true);
  if (status = reader.finish(std::move(status)); !status) {
    return std::unexpected(std::move(status).error());
  }
  return request;
}

}  // namespace tfe::kserve_http
