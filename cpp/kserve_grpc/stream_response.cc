#include "kserve_grpc/stream_response.h"

#include <array>
#include <utility>

#include "codec/proto_writer.h"
#include "kserve_grpc/infer_response.h"

namespace tfe::kserve_grpc {
namespace {

using codec::ProtoWriter;
constexpr auto kAlways = ProtoWriter::Presence::kAlways;

// What protobuf can hold, and with it every client.
constexpr std::size_t kMaxMessage = 2'147'483'647;

// ModelStreamInferResponse.
constexpr std::uint32_t kErrorMessage = 1;
constexpr std::uint32_t kInferResponse = 2;

triton::Parameter final_parameter(bool final) { return {"triton_final_response", final}; }

std::string encode_identity(const StreamIdentity& request, bool final) {
  std::string out;
  ProtoWriter writer(out);
  writer.bytes(1, request.model_name);
  writer.bytes(2, request.model_version);
  writer.bytes(3, request.id);
  encode_parameter(final_parameter(final), writer);
  return out;
}

base::Chain message(std::string_view error, std::string_view infer_response) {
  std::string out;
  ProtoWriter writer(out);
  writer.bytes(kErrorMessage, codec::sanitize_utf8(error));
  writer.bytes(kInferResponse, infer_response, kAlways);
  return base::Chain::of(std::move(out));
}

}  // namespace

base::Result<base::Chain> encode_stream_response(
    const std::shared_ptr<const kserve::InferResponse>& response, bool final) {
  const std::array more{final_parameter(final)};
  auto inner = encode_infer_response(response, more);
  if (!inner) return inner;
  std::string header;
  ProtoWriter(header).bytes_header(kInferResponse, inner->size());
  base::Chain outer = base::Chain::of(std::move(header));
  outer.append(std::move(*inner));
  // The header may be what is too much.
  if (outer.size() > kMaxMessage) {
    return base::fail(base::Code::kInvalidArgument, "Response has byte size " +
                                                        std::to_string(outer.size()) +
                                                        " which exceeds gRPC's byte size limit " +
                                                        std::to_string(kMaxMessage) + ".");
  }
  return outer;
}

base::Chain encode_stream_error(std::string_view text, const StreamIdentity& request, bool final) {
  return message(text, encode_identity(request, final));
}

base::Chain encode_stream_refusal(std::string_view text, std::string_view id) {
  std::string inner;
  ProtoWriter(inner).bytes(3, id);
  return message(text, inner);
}

base::Chain encode_empty_final(const StreamIdentity& request) {
  return message({}, encode_identity(request, true));
}

}  // namespace tfe::kserve_grpc
