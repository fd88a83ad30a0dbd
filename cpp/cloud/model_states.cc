#include "cloud/model_states.h"

#include <algorithm>
#include <utility>

#include "codec/json_reader.h"

namespace tfe::cloud {
namespace {

using codec::JsonValue;

base::Result<ModelState> read_state(JsonValue value) {
  ModelState entry;
  auto status = value.each_member([&](std::string_view key, JsonValue member) -> base::Status {
    std::string* field = nullptr;
    if (key == "name") field = &entry.name;
    if (key == "version") field = &entry.version;
    if (key == "state") field = &entry.state;
    if (field == nullptr) return {};
    const auto text = member.string();
    if (!text) return std::unexpected(text.error());
    *field = *text;
    return {};
  });
  if (!status) return std::unexpected(std::move(status).error());
  return entry;
}

}  // namespace

base::Result<std::vector<ModelState>> read_model_index(std::string_view json) {
  std::string padded(json);
  padded.append(codec::JsonReader::kPadding, '\0');
  codec::JsonReader reader(std::string_view(padded).substr(0, json.size()));
  std::vector<ModelState> index;
  base::Status status;
  if (reader.root_type() == codec::JsonType::kArray) {
    status = reader.root_array().each_element([&](JsonValue value) -> base::Status {
      auto entry = read_state(value);
      if (!entry) return std::unexpected(std::move(entry).error());
      index.push_back(*std::move(entry));
      return {};
    });
  } else {
    status = base::fail(base::Code::kInternal, "the model index is not an array");
  }
  status = reader.finish(std::move(status));
  if (!status) return std::unexpected(std::move(status).error());
  return index;
}

bool is_gone(const std::vector<ModelState>& index, std::string_view model) {
  return std::ranges::none_of(
      index, [&](const ModelState& entry) { return entry.name == model && !entry.gone(); });
}

}  // namespace tfe::cloud
