#include "base/status.h"

namespace tfe::base {

std::string_view code_name(Code code) {
  switch (code) {
    case Code::kUnknown:
      return "Unknown";
    case Code::kInternal:
      return "Internal";
    case Code::kNotFound:
      return "Not found";
    case Code::kInvalidArgument:
      return "Invalid argument";
    case Code::kUnavailable:
    case Code::kElsewhere:
      return "Unavailable";
    case Code::kUnsupported:
      return "Unsupported";
    case Code::kAlreadyExists:
      return "Already exists";
    case Code::kCancelled:
      return "Cancelled";
    case Code::kResourceExhausted:
      return "Resource exhausted";
    case Code::kDeadlineExceeded:
      return "Deadline exceeded";
    case Code::kPermissionDenied:
      return "Permission denied";
  }
  return "Unknown";
}

}  // namespace tfe::base
