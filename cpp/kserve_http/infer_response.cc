#include "kserve_http/infer_response.h"

#include <string>
#include <utility>
#include <variant>

#include "codec/json_writer.h"
#include "kserve_http/infer_framing.h"
#include "kserve_http/tensor_json.h"

namespace tfe::kserve_http {
namespace {

using base::Status;

void append_key(std::string& out, std::string_view key) {
  codec::append_json_string(out, key);
  out += ':';
}

void append_parameters(std::string& out, const std::vector<triton::Parameter>& parameters) {
  out += ",\"parameters\":{";
  bool first = true;
  for (const auto& [name, value] : parameters) {
    if (!std::exchange(first, false)) out += ',';
    append_key(out, name);
    append_parameter_value(out, value);
  }
  out += '}';
}

// Name, datatype, shape, and the data unless it goes elsewhere.
Status append_output(std::string& out, const kserve::ResponseOutput& output, bool binary) {
  out += "{\"name\":";
  codec::append_json_string(out, output.name);
  out += ",\"datatype\":\"";
  out += triton::datatype_name(output.datatype);
  out += "\",\"shape\":[";
  bool first = true;
  for (const std::int64_t dim : output.shape) {
    if (!std::exchange(first, false)) out += ',';
    codec::append_json_number(out, dim);
  }
  out += ']';
  Status status;
  if (output.in_shared_memory) {
    // The client knows where it is.
  } else if (binary) {
    out += ",\"parameters\":{\"binary_data_size\":";
    codec::append_json_number(out, static_cast<std::uint64_t>(output.data.size()));
    out += '}';
  } else {
    out += ",\"data\":";
    status = append_data(out, output.name, output.datatype, output.shape, output.data);
  }
  out += '}';
  return status;
}

std::string begin_text(const kserve::InferResponse& response, const OutputKinds& kinds) {
  std::string out;
  std::size_t bytes = 0;
  for (const auto& output : response.outputs) {
    if (!kinds.is_binary(output.name)) bytes += output.data.size();
  }
  // A guess that fits small answers and saves the first growths of large ones.
  out.reserve(256 + bytes * 2);
  out += '{';
  if (!response.id.empty()) {
    out += "\"id\":";
    codec::append_json_string(out, response.id);
    out += ',';
  }
  out += "\"model_name\":";
  codec::append_json_string(out, response.model_name);
  out += ",\"model_version\":\"";
  codec::append_json_number(out, response.model_version);
  out += '"';
  if (!response.parameters.empty()) append_parameters(out, response.parameters);
  return out;
}

std::vector<http::Header> binary_headers(const InferStyle& style, std::size_t json_size) {
  const std::string size = std::to_string(json_size);
  if (style.binary_mime_in_response) {
    return {{"content-type", std::string(style.binary_mime) + size}};
  }
  return {{"content-type", "application/octet-stream"}, {kHeaderLength, size}};
}

}  // namespace

void append_parameter_value(std::string& out, const triton::ParameterValue& value) {
  if (const auto* flag = std::get_if<bool>(&value)) {
    codec::append_json_bool(out, *flag);
  } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    codec::append_json_number(out, *integer);
  } else if (const auto* number = std::get_if<double>(&value)) {
    codec::append_json_number(out, *number);
  } else {
    codec::append_json_string(out, std::get<std::string>(value));
  }
}

base::Result<Reply> encode_infer(std::shared_ptr<const kserve::InferResponse> response,
                                 const OutputKinds& kinds, const InferStyle& style) {
  std::string text = begin_text(*response, kinds);
  base::Chain blobs;
  text += ",\"outputs\":[";
  bool first = true;
  for (const kserve::ResponseOutput& output : response->outputs) {
    if (!std::exchange(first, false)) text += ',';
    const bool binary = kinds.is_binary(output.name);
    if (auto status = append_output(text, output, binary); !status) {
      return std::unexpected(std::move(status).error());
    }
    if (binary && !output.in_shared_memory) blobs.append(output.data, response);
  }
  text += "]}";
  Reply reply;
  // Binary outputs that are all empty need no framing: the answer is plain JSON.
  if (blobs.empty()) {
    reply.head.headers.push_back({"content-type", std::string(kJson)});
  } else {
    reply.head.headers = binary_headers(style, text.size());
  }
  reply.body = base::Chain::of(std::move(text));
  reply.body.append(std::move(blobs));
  return reply;
}

}  // namespace tfe::kserve_http
