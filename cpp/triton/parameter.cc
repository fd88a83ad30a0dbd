#include "triton/parameter.h"

namespace tfe::triton {

namespace {

struct RawValue {
  capi::ParameterType type;
  const void* value;
};

RawValue raw(const ParameterValue& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return {capi::ParameterType::kBool, flag};
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    return {capi::ParameterType::kInt, integer};
  }
  if (const auto* number = std::get_if<double>(&value)) {
    return {capi::ParameterType::kDouble, number};
  }
  return {capi::ParameterType::kString, std::get<std::string>(value).c_str()};
}

}  // namespace

ParameterList::~ParameterList() {
  for (const TRITONSERVER_Parameter* handle : handles_) {
    api_.ParameterDelete(const_cast<TRITONSERVER_Parameter*>(handle));
  }
}

base::Status ParameterList::add(const LoadParameter& parameter) {
  const std::string& name = parameter.name;
  const auto* text = std::get_if<std::string>(&parameter.value);
  if (parameter.bytes) {
    if (!text) {
      return base::fail(base::Code::kInvalidArgument,
                        "parameter '" + name + "' must be given as bytes");
    }
    if (!api_.ParameterBytesNew || !api_.ParameterDelete) {
      return std::unexpected(missing_function("TRITONSERVER_ParameterBytesNew"));
    }
    return add_handle(api_.ParameterBytesNew(name.c_str(), text->data(), text->size()), name);
  }
  if (!api_.ParameterNew || !api_.ParameterDelete) {
    return std::unexpected(missing_function("TRITONSERVER_ParameterNew"));
  }
  const RawValue value = raw(parameter.value);
  return add_handle(api_.ParameterNew(name.c_str(), value.type, value.value), name);
}

base::Status ParameterList::add(const std::string& name, const std::string& value) {
  return add(LoadParameter{.name = name, .value = value});
}

base::Status ParameterList::add_handle(TRITONSERVER_Parameter* handle, const std::string& name) {
  if (!handle) {
    return base::fail(base::Code::kInternal,
                      "unexpected error on creating Triton parameter '" + name + "'");
  }
  handles_.push_back(handle);
  return {};
}

}  // namespace tfe::triton
