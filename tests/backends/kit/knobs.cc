// Reads knobs from requests and model configurations.
#include "kit/knobs.h"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <vector>

#include "kit/tensors.h"

namespace tfe::backend {
namespace {

std::string parameter_text(TRITONSERVER_ParameterType type, const void* value) {
  switch (type) {
    case TRITONSERVER_PARAMETER_STRING:
      return static_cast<const char*>(value);
    case TRITONSERVER_PARAMETER_INT:
      return std::to_string(*static_cast<const std::int64_t*>(value));
    case TRITONSERVER_PARAMETER_BOOL:
      return *static_cast<const bool*>(value) ? "true" : "false";
    case TRITONSERVER_PARAMETER_DOUBLE:
      return std::to_string(*static_cast<const double*>(value));
  }
  return {};
}

template <typename Integer>
std::string integer_text(const std::vector<char>& data) {
  Integer value = 0;
  if (data.size() < sizeof(value)) {
    return {};
  }
  std::memcpy(&value, data.data(), sizeof(value));
  return std::to_string(value);
}

// The first element of a knob tensor.
std::string element_text(TRITONSERVER_DataType type, const std::vector<char>& data) {
  switch (type) {
    case TRITONSERVER_TYPE_BOOL:
    case TRITONSERVER_TYPE_UINT8:
      return integer_text<std::uint8_t>(data);
    case TRITONSERVER_TYPE_UINT16:
      return integer_text<std::uint16_t>(data);
    case TRITONSERVER_TYPE_UINT32:
      return integer_text<std::uint32_t>(data);
    case TRITONSERVER_TYPE_UINT64:
      return integer_text<std::uint64_t>(data);
    case TRITONSERVER_TYPE_INT8:
      return integer_text<std::int8_t>(data);
    case TRITONSERVER_TYPE_INT16:
      return integer_text<std::int16_t>(data);
    case TRITONSERVER_TYPE_INT32:
      return integer_text<std::int32_t>(data);
    case TRITONSERVER_TYPE_INT64:
      return integer_text<std::int64_t>(data);
    case TRITONSERVER_TYPE_BYTES: {
      std::uint32_t length = 0;
      if (data.size() < sizeof(length)) {
        return {};
      }
      std::memcpy(&length, data.data(), sizeof(length));
      const std::size_t room = data.size() - sizeof(length);
      return std::string(data.data() + sizeof(length), std::min<std::size_t>(length, room));
    }
    default:
      return {};
  }
}

Error parse_settings(const char* json, std::size_t size, Settings* settings, bool* batches) {
  simdjson::dom::parser parser;
  simdjson::dom::object config;
  if (parser.parse(json, size).get(config) != simdjson::SUCCESS) {
    return make_error(TRITONSERVER_ERROR_INTERNAL, "model configuration is no JSON object");
  }
  std::int64_t max_batch_size = 0;
  *batches =
      config["max_batch_size"].get(max_batch_size) == simdjson::SUCCESS && max_batch_size > 0;
  simdjson::dom::object parameters;
  if (config["parameters"].get(parameters) != simdjson::SUCCESS) {
    return nullptr;  // a configuration without parameters is the usual case
  }
  for (const auto& [key, value] : parameters) {
    std::string_view text;
    if (value["string_value"].get(text) != simdjson::SUCCESS) {
      return make_error(TRITONSERVER_ERROR_INVALID_ARG,
                        "parameter '" + std::string(key) + "' has no string_value");
    }
    settings->emplace(key, text);
  }
  return nullptr;
}

Error echo_parameter(TRITONBACKEND_Response* response, const char* key,
                     TRITONSERVER_ParameterType type, const void* value) {
  switch (type) {
    case TRITONSERVER_PARAMETER_STRING:
      return Error(
          TRITONBACKEND_ResponseSetStringParameter(response, key, static_cast<const char*>(value)));
    case TRITONSERVER_PARAMETER_INT:
      return Error(TRITONBACKEND_ResponseSetIntParameter(response, key,
                                                         *static_cast<const std::int64_t*>(value)));
    case TRITONSERVER_PARAMETER_BOOL:
      return Error(
          TRITONBACKEND_ResponseSetBoolParameter(response, key, *static_cast<const bool*>(value)));
    case TRITONSERVER_PARAMETER_DOUBLE:
      return Error(TRITONBACKEND_ResponseSetDoubleParameter(response, key,
                                                            *static_cast<const double*>(value)));
  }
  return make_error(TRITONSERVER_ERROR_UNSUPPORTED, "parameter type is not known");
}

Error echo_fields(TRITONBACKEND_Request* request, TRITONBACKEND_Response* response) {
  const char* id = "";
  TFE_RETURN_IF_ERROR(TRITONBACKEND_RequestId(request, &id));
  TFE_RETURN_IF_ERROR(TRITONBACKEND_ResponseSetStringParameter(response, "request.id", id));
  std::uint32_t flags = 0;
  TFE_RETURN_IF_ERROR(TRITONBACKEND_RequestFlags(request, &flags));
  TFE_RETURN_IF_ERROR(TRITONBACKEND_ResponseSetIntParameter(response, "request.flags", flags));
  std::uint64_t timeout_us = 0;
  TFE_RETURN_IF_ERROR(TRITONBACKEND_InferenceRequestTimeoutMicroseconds(request, &timeout_us));
  TFE_RETURN_IF_ERROR(TRITONBACKEND_ResponseSetIntParameter(response, "request.timeout_us",
                                                            static_cast<std::int64_t>(timeout_us)));
  // The correlation id is either a number or a string; the other getter fails.
  std::uint64_t number = 0;
  if (Error error(TRITONBACKEND_RequestCorrelationId(request, &number)); !error) {
    return Error(TRITONBACKEND_ResponseSetIntParameter(response, "request.correlation_id",
                                                       static_cast<std::int64_t>(number)));
  }
  const char* text = "";
  TFE_RETURN_IF_ERROR(TRITONBACKEND_RequestCorrelationIdString(request, &text));
  return Error(TRITONBACKEND_ResponseSetStringParameter(response, "request.correlation_id", text));
}

}  // namespace

Error read_settings(TRITONBACKEND_Model* model, Settings* settings, bool* batches) {
  TRITONSERVER_Message* message = nullptr;
  TFE_RETURN_IF_ERROR(TRITONBACKEND_ModelConfig(model, 1, &message));
  const char* json = nullptr;
  std::size_t size = 0;
  Error error(TRITONSERVER_MessageSerializeToJson(message, &json, &size));
  if (!error) {
    error = parse_settings(json, size, settings, batches);
  }
  ignore(TRITONSERVER_MessageDelete(message));
  return error;
}

std::optional<std::string> Knobs::find(std::string_view name) const {
  if (request_ != nullptr) {
    if (auto value = from_parameter(name)) {
      return value;
    }
    if (auto value = from_input(name)) {
      return value;
    }
  }
  if (auto found = settings_.find(name); found != settings_.end()) {
    return found->second;
  }
  return std::nullopt;
}

std::optional<std::string> Knobs::from_parameter(std::string_view name) const {
  std::uint32_t count = 0;
  ignore(TRITONBACKEND_RequestParameterCount(request_, &count));
  for (std::uint32_t i = 0; i < count; ++i) {
    const char* key = nullptr;
    TRITONSERVER_ParameterType type = TRITONSERVER_PARAMETER_STRING;
    const void* value = nullptr;
    ignore(TRITONBACKEND_RequestParameter(request_, i, &key, &type, &value));
    if (key != nullptr && name == key) {
      return parameter_text(type, value);
    }
  }
  return std::nullopt;
}

std::optional<std::string> Knobs::from_input(std::string_view name) const {
  std::string upper(name);
  for (char& c : upper) {
    c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  std::uint32_t count = 0;
  ignore(TRITONBACKEND_RequestInputCount(request_, &count));
  for (std::uint32_t i = 0; i < count; ++i) {
    InputView view;
    if (view_input(request_, i, &view) || view.name != upper) {
      continue;
    }
    std::vector<char> data(view.byte_size);
    if (!copy_input(view, data.data())) {
      return element_text(view.datatype, data);
    }
  }
  return std::nullopt;
}

std::string Knobs::text(std::string_view name, std::string_view fallback) const {
  return find(name).value_or(std::string(fallback));
}

std::int64_t Knobs::integer(std::string_view name, std::int64_t fallback) const {
  const std::string value = text(name, "");
  std::int64_t number = 0;
  const auto [end, code] = std::from_chars(value.data(), value.data() + value.size(), number);
  const bool whole = code == std::errc() && end == value.data() + value.size() && !value.empty();
  return whole ? number : fallback;
}

bool Knobs::flag(std::string_view name) const {
  return text(name, "") == "true" || integer(name, 0) != 0;
}

Error echo_request(TRITONBACKEND_Request* request, TRITONBACKEND_Response* response) {
  std::uint32_t count = 0;
  TFE_RETURN_IF_ERROR(TRITONBACKEND_RequestParameterCount(request, &count));
  for (std::uint32_t i = 0; i < count; ++i) {
    const char* key = nullptr;
    TRITONSERVER_ParameterType type = TRITONSERVER_PARAMETER_STRING;
    const void* value = nullptr;
    TFE_RETURN_IF_ERROR(TRITONBACKEND_RequestParameter(request, i, &key, &type, &value));
    TFE_RETURN_IF_ERROR(echo_parameter(response, key, type, value).release());
  }
  return echo_fields(request, response);
}

}  // namespace tfe::backend
