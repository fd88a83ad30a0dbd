// Errors as values. Everything below the Python bindings reports failure through Status or
// Result<T>; the codes are those of Triton's C API plus the four that only a frontend produces.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace tfe::base {

enum class Code : std::uint8_t {
  kUnknown,
  kInternal,
  kNotFound,
  kInvalidArgument,
  kUnavailable,
  kUnsupported,
  kAlreadyExists,
  kCancelled,
  kResourceExhausted,  // a limit of the frontend was hit: 429 / RESOURCE_EXHAUSTED
  kDeadlineExceeded,   // the caller's deadline passed: 504 / DEADLINE_EXCEEDED
  kPermissionDenied,   // a restricted API without its key: 403
  kElsewhere,          // another process of the group can: 503, and go there / UNAVAILABLE
};

// The code's name as Triton prints it, e.g. "Invalid argument".
std::string_view code_name(Code code);

struct Error {
  Code code = Code::kUnknown;
  std::string message;
};

template <typename T>
using Result = std::expected<T, Error>;
using Status = std::expected<void, Error>;

inline std::unexpected<Error> fail(Code code, std::string message) {
  return std::unexpected(Error{code, std::move(message)});
}

}  // namespace tfe::base
