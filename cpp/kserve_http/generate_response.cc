#include "kserve_http/generate_response.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "codec/json_writer.h"
#include "kserve_http/infer_response.h"
#include "kserve_http/tensor_json.h"

namespace tfe::kserve_http {
namespace {

// One member of the object: a parameter, an output, or a text that every response has.
struct Member {
  std::string_view key;
  const triton::ParameterValue* parameter = nullptr;
  const kserve::ResponseOutput* output = nullptr;
  std::string_view text = {};
};

std::vector<Member> members_of(const kserve::InferResponse& response, std::string_view version) {
  std::vector<Member> members;
  members.reserve(3 + response.parameters.size() + response.outputs.size());
  const auto text = [&](std::string_view key, std::string_view value) {
    members.push_back({.key = key, .text = value});
  };
  if (!response.id.empty()) text("id", response.id);
  text("model_name", response.model_name);
  text("model_version", version);
  for (const triton::Parameter& parameter : response.parameters) {
    members.push_back({.key = parameter.name, .parameter = &parameter.value});
  }
  for (const kserve::ResponseOutput& output : response.outputs) {
    members.push_back({.key = output.name, .output = &output});
  }
  // Stable: of several with one key the first stays, which is the one that wins.
  std::stable_sort(members.begin(), members.end(),
                   [](const Member& a, const Member& b) { return a.key < b.key; });
  const auto last = std::unique(members.begin(), members.end(),
                                [](const Member& a, const Member& b) { return a.key == b.key; });
  members.erase(last, members.end());
  return members;
}

base::Status append_tensor(std::string& out, const kserve::ResponseOutput& output) {
  const std::size_t start = out.size();
  auto status = append_data(out, output.name, output.datatype, output.shape, output.data);
  std::int64_t count = 1;
  for (const std::int64_t dim : output.shape) count *= dim;
  if (status && count == 1) {
    out.pop_back();
    out.erase(start, 1);
  }
  return status;
}

}  // namespace

base::Result<std::string> encode_generate(const kserve::InferResponse& response) {
  std::string version;
  codec::append_json_number(version, response.model_version);
  std::string out = "{";
  for (const Member& member : members_of(response, version)) {
    if (out.size() > 1) out += ',';
    codec::append_json_string(out, member.key);
    out += ':';
    if (member.output != nullptr) {
      auto status = append_tensor(out, *member.output);
      if (!status) return std::unexpected(std::move(status).error());
    } else if (member.parameter != nullptr) {
      append_parameter_value(out, *member.parameter);
    } else {
      codec::append_json_string(out, member.text);
    }
  }
  out += '}';
  return out;
}

std::string sse_event(std::string_view json) {
  std::string event;
  event.reserve(json.size() + 8);
  event += "data: ";
  event += json;
  event += "\n\n";
  return event;
}

}  // namespace tfe::kserve_http
