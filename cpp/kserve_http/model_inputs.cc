#include "kserve_http/model_inputs.h"

#include <utility>

#include "codec/json_reader.h"
#include "kserve_http/json_field.h"

namespace tfe::kserve_http {
namespace {

using base::Status;
using codec::JsonValue;

template <typename T, typename Take>
Status take(base::Result<T> value, Take store) {
  if (!value) return std::unexpected(std::move(value).error());
  store(*std::move(value));
  return {};
}

Status read_input(JsonValue object, ModelInput& input) {
  return object.each_member([&](std::string_view key, JsonValue value) -> Status {
    if (key == "name") {
      return take(own_string(value), [&](std::string name) { input.name = std::move(name); });
    }
    if (key == "datatype") {
      return take(value.string(),
                  [&](std::string_view name) { input.datatype = triton::parse_datatype(name); });
    }
    if (key != "shape") return value.validate();
    return value.each_element([&](JsonValue dim) {
      return take(dim.signed_integer(), [&](std::int64_t size) { input.shape.push_back(size); });
    });
  });
}

}  // namespace

base::Result<std::vector<ModelInput>> parse_model_inputs(std::string metadata) {
  std::vector<ModelInput> inputs;
  const std::size_t size = metadata.size();
  metadata.append(codec::JsonReader::kPadding, ' ');
  codec::JsonReader reader(std::string_view(metadata).substr(0, size));
  auto status = reader.each_member([&](std::string_view key, JsonValue value) -> Status {
    if (key != "inputs") return value.validate();
    return value.each_element(
        [&](JsonValue element) { return read_input(element, inputs.emplace_back()); });
  });
  if (status = reader.finish(std::move(status)); !status) {
    return std::unexpected(with_context("model metadata: ", status.error()));
  }
  return inputs;
}

}  // namespace tfe::kserve_http
