#include "kserve_http/infer_request.h"

#include <optional>
#include <utility>

#include "codec/json_reader.h"
#include "kserve_http/infer_input.h"
#include "kserve_http/infer_parameters.h"
#include "kserve_http/json_field.h"

namespace tfe::kserve_http {
namespace {

using base::Status;
using codec::JsonReader;
using codec::JsonType;
using codec::JsonValue;

// What became of each top-level member. Members come in any order; their errors are told in the
// order of the protocol's rules.
class InferDecoder {
 public:
  InferDecoder(const Options& options, const InferBody& body, DecodedInfer& out)
      : options_(options),
        out_(out),
        inputs_decoder_(options, out.request.model, body.binary, body.json.size()) {}

  Status member(std::string_view key, JsonValue value) {
    if (key == "id" && !id_) {
      id_ = read_id(value);
    } else if (key == "parameters" && !parameters_) {
      parameters_ = decode_parameters(value, options_, out_.request, out_.outputs);
    } else if (key == "inputs" && !inputs_) {
      inputs_ = read_inputs(value);
    } else if (key == "outputs" && !outputs_) {
      outputs_ = read_outputs(value);
    } else {
      return value.validate();
    }
    return {};
  }

  Status result() const {
    for (const auto* status : {&id_, &parameters_}) {
      if (*status && !**status) return **status;
    }
    if (!inputs_) return std::unexpected(unable_to_parse("inputs", missing_member("inputs")));
    if (!*inputs_) return *inputs_;
    if (auto status = inputs_decoder_.finish(); !status) return status;
    return outputs_ ? *outputs_ : Status();
  }

  bool used_binary() const { return inputs_decoder_.used_binary(); }

 private:
  Status read_id(JsonValue value) {
    auto id = own_string(value);
    if (!id) return std::unexpected(unable_to_parse("id", id.error()));
    out_.request.id = *std::move(id);
    return {};
  }

  Status read_inputs(JsonValue value) {
    if (value.type() != JsonType::kArray) return not_an_array(value, "inputs");
    return value.each_element(
        [&](JsonValue element) { return inputs_decoder_.decode(element, out_.request); });
  }

  Status read_outputs(JsonValue value) {
    if (value.type() != JsonType::kArray) return not_an_array(value, "outputs");
    return value.each_element([&](JsonValue element) {
      return decode_output(element, options_, out_.request, out_.outputs);
    });
  }

  static Status not_an_array(JsonValue value, std::string_view name) {
    auto status = value.each_element([](JsonValue) -> Status { return {}; });
    return std::unexpected(unable_to_parse(name, status.error()));
  }

  const Options& options_;
  DecodedInfer& out_;
  InputDecoder inputs_decoder_;
  std::optional<Status> id_;
  std::optional<Status> parameters_;
  std::optional<Status> inputs_;
  std::optional<Status> outputs_;
};

}  // namespace

base::Result<DecodedInfer> decode_infer(std::string model, std::int64_t version,
                                        const InferBody& body, const Options& options) {
  DecodedInfer decoded;
  decoded.request.model = std::move(model);
  decoded.request.version = version;
  JsonReader reader(base::as_text(body.json));
  InferDecoder decoder(options, body, decoded);
  auto status = reader.each_member(
      [&](std::string_view key, JsonValue value) { return decoder.member(key, value); });
  // Malformed JSON wins over everything, then the order of the rules.
  if (status) status = decoder.result();
  if (status = reader.finish(std::move(status)); !status) {
    return std::unexpected(std::move(status).error());
  }
  if (decoder.used_binary()) decoded.request.memory.push_back(body.owner);
  return decoded;
}

DecodedInfer raw_infer(std::string model, std::int64_t version, base::Bytes body,
                       base::Owner owner) {
  DecodedInfer decoded;
  decoded.request.model = std::move(model);
  decoded.request.version = version;
  decoded.request.raw_input = body;
  if (owner) decoded.request.memory.push_back(std::move(owner));
  decoded.outputs.binary_by_default = true;
  return decoded;
}

}  // namespace tfe::kserve_http
