#include "kserve_grpc/infer_response.h"

#include <string>
#include <utility>
#include <variant>

#include "codec/proto_writer.h"

namespace tfe::kserve_grpc {
namespace {

using codec::ProtoWriter;
constexpr auto kAlways = ProtoWriter::Presence::kAlways;

// Copying this much costs less than a segment of its own.
constexpr std::size_t kInlineTensor = 4U << 10;
// What protobuf can hold, and with it every client.
constexpr std::size_t kMaxMessage = 2'147'483'647;

void encode_choice(const triton::ParameterValue& value, std::string& out) {
  ProtoWriter writer(out);
  if (const auto* truth = std::get_if<bool>(&value)) writer.boolean(1, *truth, kAlways);
  if (const auto* number = std::get_if<std::int64_t>(&value)) writer.int64(2, *number, kAlways);
  if (const auto* text = std::get_if<std::string>(&value)) {
    writer.bytes(3, codec::sanitize_utf8(*text), kAlways);
  }
  if (const auto* real = std::get_if<double>(&value)) writer.float64(4, *real, kAlways);
}

void encode_output(const kserve::ResponseOutput& output, std::string& scratch,
                   ProtoWriter& writer) {
  std::size_t shape_size = 0;
  for (const std::int64_t dimension : output.shape) {
    shape_size += codec::varint_size(static_cast<std::uint64_t>(dimension));
  }
  scratch.clear();
  ProtoWriter inner(scratch);
  inner.bytes(1, output.name);
  inner.bytes(2, triton::datatype_name(output.datatype));
  if (shape_size > 0) inner.bytes_header(3, shape_size);
  for (const std::int64_t dimension : output.shape) {
    inner.raw_varint(static_cast<std::uint64_t>(dimension));
  }
  writer.bytes(5, scratch, kAlways);
}

}  // namespace

void encode_parameter(const triton::Parameter& parameter, codec::ProtoWriter& writer) {
  std::string choice;
  encode_choice(parameter.value, choice);
  std::string entry;
  ProtoWriter(entry).bytes(1, codec::sanitize_utf8(parameter.name), kAlways);
  ProtoWriter(entry).bytes(2, choice, kAlways);
  writer.bytes(4, entry, kAlways);
}

base::Result<base::Chain> encode_infer_response(
    const std::shared_ptr<const kserve::InferResponse>& response,
    std::span<const triton::Parameter> more) {
  base::Chain message;
  std::string text;
  std::string scratch;
  ProtoWriter writer(text);
  writer.bytes(1, response->model_name);
  writer.bytes(2, std::to_string(response->model_version));
  writer.bytes(3, response->id);
  for (const auto& parameter : response->parameters) encode_parameter(parameter, writer);
  for (const auto& parameter : more) encode_parameter(parameter, writer);
  for (const auto& output : response->outputs) encode_output(output, scratch, writer);
  for (const auto& output : response->outputs) {
    const base::Bytes data = output.in_shared_memory ? base::Bytes{} : output.data;
    writer.bytes_header(6, data.size());
    if (data.size() <= kInlineTensor) {
      text.append(base::as_text(data));
      continue;
    }
    message.append(std::exchange(text, {}));
    message.append(data, response);
  }
  message.append(std::move(text));
  if (message.size() > kMaxMessage) {
    return base::fail(base::Code::kInvalidArgument, "Response has byte size " +
                                                        std::to_string(message.size()) +
                                                        " which exceeds gRPC's byte size limit " +
                                                        std::to_string(kMaxMessage) + ".");
  }
  return message;
}

}  // namespace tfe::kserve_grpc
