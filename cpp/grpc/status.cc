#include "grpc/status.h"

#include <charconv>
#include <utility>

namespace tfe::grpc {
namespace {

bool is_plain(char byte) { return byte >= 0x20 && byte <= 0x7E && byte != '%'; }

}  // namespace

Code to_code(base::Code code) {
  switch (code) {
    case base::Code::kUnknown:
      return Code::kUnknown;
    case base::Code::kInternal:
      return Code::kInternal;
    case base::Code::kNotFound:
      return Code::kNotFound;
    case base::Code::kInvalidArgument:
      return Code::kInvalidArgument;
    case base::Code::kUnavailable:
    case base::Code::kPermissionDenied:
    case base::Code::kElsewhere:
      return Code::kUnavailable;
    case base::Code::kUnsupported:
      return Code::kUnimplemented;
    case base::Code::kAlreadyExists:
      return Code::kAlreadyExists;
    case base::Code::kCancelled:
      return Code::kCancelled;
    case base::Code::kResourceExhausted:
      return Code::kResourceExhausted;
    case base::Code::kDeadlineExceeded:
      return Code::kDeadlineExceeded;
  }
  return Code::kUnknown;
}

Status to_status(base::Error error) { return {to_code(error.code), std::move(error.message)}; }

std::string percent_encode(std::string_view message) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string text;
  text.reserve(message.size());
  for (const char byte : message) {
    if (text.size() + 3 > kMaxMessage) break;
    if (is_plain(byte)) {
      text += byte;
      continue;
    }
    const auto value = static_cast<unsigned char>(byte);
    text += '%';
    text += kHex[value >> 4];
    text += kHex[value & 0xF];
  }
  return text;
}

std::string percent_decode(std::string_view text) {
  std::string message;
  message.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '%' && at + 2 < text.size()) {
      unsigned value = 0;
      const char* end = text.data() + at + 3;
      if (std::from_chars(text.data() + at + 1, end, value, 16).ptr == end) {
        message += static_cast<char>(value);
        at += 2;
        continue;
      }
    }
    message += text[at];
  }
  return message;
}

}  // namespace tfe::grpc
