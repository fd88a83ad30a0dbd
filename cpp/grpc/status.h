// gRPC status codes and how a status travels in headers ("gRPC over HTTP/2", Responses).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace tfe::grpc {

enum class Code : std::uint8_t {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

struct Status {
  Code code = Code::kOk;
  std::string message;

  bool ok() const { return code == Code::kOk; }
};

// Restricted APIs answer UNAVAILABLE, as Triton's frontend does, not PERMISSION_DENIED.
Code to_code(base::Code code);
Status to_status(base::Error error);

// In the words of gRPC's own servers.
inline Status deadline_exceeded() { return {Code::kDeadlineExceeded, "Deadline Exceeded"}; }

// The value of grpc-message: every byte outside 0x20-0x7E and '%' as %XX. Cut at kMaxMessage bytes,
// because clients refuse trailers beyond 8 KiB and would lose the status with them.
inline constexpr std::size_t kMaxMessage = 6U << 10;
std::string percent_encode(std::string_view message);
// The reverse; what is not a valid escape stays as it is.
std::string percent_decode(std::string_view text);

}  // namespace tfe::grpc
