#include "kserve_http/infer_framing.h"

#include <algorithm>
#include <string>
#include <utility>

#include "http/headers.h"
#include "kserve_http/blocking_call.h"

namespace tfe::kserve_http {
namespace {

using base::Code;

// Where the length of the JSON part stands, and how its errors begin.
struct LengthText {
  std::string_view digits;
  std::string_view problem;
  std::string_view out_of_range;
};

// The text behind the style's MIME type. Empty if the Content-Type is another, which is JSON then.
base::Result<std::optional<LengthText>> mime_length(const http::RequestHead& head,
                                                    std::string_view mime) {
  const auto type = http::find_header(head.headers, "content-type");
  if (!type) return std::nullopt;
  const std::string_view text = http::trim(*type);
  const auto found = std::search(text.begin(), text.end(), mime.begin(), mime.end(),
                                 [](char a, char b) { return http::iequals({&a, 1}, {&b, 1}); });
  if (found == text.end()) return std::nullopt;
  if (found != text.begin()) {
    return base::fail(Code::kInvalidArgument, "expect MIME type for binary data starts with '" +
                                                  std::string(mime) +
                                                  "', got: " + std::string(*type));
  }
  return LengthText{text.substr(mime.size()), "Unable to parse inference header size",
                    ", value is out of range"};
}

base::Result<std::optional<LengthText>> find_length(const http::RequestHead& head,
                                                    const InferStyle& style) {
  if (!style.binary_mime.empty()) return mime_length(head, style.binary_mime);
  const auto text = http::find_header(head.headers, kHeaderLength);
  if (!text) return std::nullopt;
  return LengthText{*text, "Unable to parse Inference-Header-Content-Length",
                    ", value is out of range [ -2147483648, 2147483647 ]"};
}

// `content_length`: of the body that the length counts in, -1 if unknown.
base::Result<std::uint64_t> parse_length(const LengthText& text, std::int64_t content_length) {
  const auto fail = [&](std::string_view problem) {
    return base::fail(Code::kInvalidArgument, std::string(text.problem) + std::string(problem) +
                                                  ", got: " + std::string(text.digits));
  };
  const http::LenientInt32 parsed = http::parse_lenient_int32(text.digits);
  if (parsed.error == http::LenientError::kNotANumber) return fail("");
  if (parsed.error == http::LenientError::kOutOfRange) return fail(text.out_of_range);
  const bool beyond = content_length >= 0 && parsed.value > content_length;
  if (parsed.value < 0 || beyond) {
    const auto size = static_cast<std::uint64_t>(std::max<std::int64_t>(content_length, 0));
    return std::unexpected(header_out_of_range(size, text.digits));
  }
  return static_cast<std::uint64_t>(parsed.value);
}

// Bodies with binary tensors are bounded by the protocol and the admission caps alone.
void set_limits(InferHead& result, const Options& options) {
  if (result.framing.json_size && !result.framing.raw()) return;
  result.body.limit = options.max_input_size;
  result.body.too_large = result.framing.raw() ? raw_too_large : json_too_large;
}

base::Status check_limits(const InferHead& result, const http::RequestHead& head,
                          const Options& options) {
  const InferFraming& framing = result.framing;
  if (!framing.json_size && !head.has_body) return std::unexpected(empty_body());
  const auto announced = static_cast<std::uint64_t>(std::max<std::int64_t>(head.content_length, 0));
  if (result.body.codings.empty() && announced > result.body.limit) {
    return std::unexpected(result.body.too_large(announced, result.body.limit));
  }
  if (framing.json_size.value_or(0) > options.max_input_size) {
    return std::unexpected(json_too_large(*framing.json_size, options.max_input_size));
  }
  return {};
}

}  // namespace

base::Error header_out_of_range(std::uint64_t body_size, std::string_view got) {
  return {Code::kInvalidArgument, "inference header size should be in range (0, " +
                                      std::to_string(body_size) + "), got: " + std::string(got)};
}

base::Error empty_body() {
  return {Code::kInvalidArgument,
          "empty body, expected a JSON inference request, or the header "
          "Inference-Header-Content-Length: 0 for a raw binary request"};
}

base::Result<std::vector<http::Coding>> read_codings(const http::RequestHead& head,
                                                     const InferStyle& style) {
  if (!style.content_coding) return std::vector<http::Coding>();
  // Almost always absent, and then nothing is allocated; several lines are one list.
  std::string list;
  for (const http::HeaderView& header : head.headers) {
    if (!http::iequals(header.name, "content-encoding")) continue;
    if (!list.empty()) list += ',';
    list += header.value;
  }
  return http::parse_content_encoding(list);
}

base::Result<InferHead> read_infer_head(const http::RequestHead& head, const Options& options,
                                        const InferStyle& style) {
  InferHead result;
  auto codings = read_codings(head, style);
  if (!codings) return std::unexpected(std::move(codings).error());
  result.body.content_length = head.content_length;
  result.body.codings = *std::move(codings);
  const auto text = find_length(head, style);
  if (!text) return std::unexpected(text.error());
  if (*text) {
    const bool counts = result.body.codings.empty();
    const auto size = parse_length(**text, counts ? head.content_length : -1);
    if (!size) return std::unexpected(size.error());
    result.framing.json_size = *size;
  }
  result.body.binary_offset = static_cast<std::size_t>(result.framing.json_size.value_or(0));
  set_limits(result, options);
  if (auto status = check_limits(result, head, options); !status) {
    return std::unexpected(std::move(status).error());
  }
  return result;
}

}  // namespace tfe::kserve_http
