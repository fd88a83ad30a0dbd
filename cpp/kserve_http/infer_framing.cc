#include "kserve_http/infer_framing.h"

#include <algorithm>
#include <string>

#include "http/headers.h"
#include "kserve_http/blocking_call.h"

namespace tfe::kserve_http {
namespace {

using base::Code;

base::Status check_coding(const http::RequestHead& head) {
  const auto coding = http::find_header(head.headers, "content-encoding");
  if (!coding || coding->empty() || *coding == "identity") return {};
  return base::fail(Code::kUnsupported, "Unsupported compression type");
}

base::Result<std::optional<std::uint64_t>> read_header_length(const http::RequestHead& head) {
  const auto text = http::find_header(head.headers, kHeaderLength);
  if (!text) return std::nullopt;
  const auto fail = [&](std::string_view problem) {
    return base::fail(Code::kInvalidArgument, "Unable to parse Inference-Header-Content-Length" +
                                                  std::string(problem) +
                                                  ", got: " + std::string(*text));
  };
  const http::LenientInt32 parsed = http::parse_lenient_int32(*text);
  if (parsed.error == http::LenientError::kNotANumber) return fail("");
  if (parsed.error == http::LenientError::kOutOfRange) {
    return fail(", value is out of range [ -2147483648, 2147483647 ]");
  }
  const auto length = static_cast<std::uint64_t>(head.content_length);
  const bool beyond = head.content_length >= 0 && parsed.value >= 0 &&
                      static_cast<std::uint64_t>(parsed.value) > length;
  if (parsed.value < 0 || beyond) {
    return std::unexpected(header_out_of_range(head.content_length >= 0 ? length : 0, *text));
  }
  return static_cast<std::uint64_t>(parsed.value);
}

}  // namespace

base::Error header_out_of_range(std::uint64_t body_size, std::string_view got) {
  return {Code::kInvalidArgument, "inference header size should be in range (0, " +
                                      std::to_string(body_size) + "), got: " + std::string(got)};
}

std::optional<std::uint64_t> InferFraming::body_limit(const Options& options) const {
  if (json_size && !raw()) return std::nullopt;
  return options.max_input_size;
}

base::Error InferFraming::too_large(std::uint64_t size, const Options& options) const {
  if (!raw()) return json_too_large(size, options.max_input_size);
  return {Code::kInvalidArgument, "Raw input has a byte_size (" + std::to_string(size) +
                                      " bytes) that exceeds the maximum allowed value of " +
                                      std::to_string(options.max_input_size) +
                                      " bytes. Use --http-max-input-size to increase the limit."};
}

base::Result<InferFraming> read_infer_framing(const http::RequestHead& head,
                                              const Options& options) {
  if (auto status = check_coding(head); !status) return std::unexpected(status.error());
  auto json_size = read_header_length(head);
  if (!json_size) return std::unexpected(std::move(json_size).error());
  const InferFraming framing{*json_size};
  if (!framing.json_size && !head.has_body) {
    return base::fail(Code::kInvalidArgument,
                      "empty body, expected a JSON inference request, or the header "
                      "Inference-Header-Content-Length: 0 for a raw binary request");
  }
  const auto announced = static_cast<std::uint64_t>(std::max<std::int64_t>(head.content_length, 0));
  if (const auto limit = framing.body_limit(options); limit && announced > *limit) {
    return std::unexpected(framing.too_large(announced, options));
  }
  if (framing.json_size.value_or(0) > options.max_input_size) {
    return std::unexpected(json_too_large(*framing.json_size, options.max_input_size));
  }
  return framing;
}

}  // namespace tfe::kserve_http
