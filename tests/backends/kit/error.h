// Errors of the C API as an owning value. Null means success.
#pragma once

#include <memory>
#include <string>

#include "kit/api.h"

namespace tfe::backend {

struct ErrorDeleter {
  void operator()(TRITONSERVER_Error* error) const { TRITONSERVER_ErrorDelete(error); }
};
using Error = std::unique_ptr<TRITONSERVER_Error, ErrorDeleter>;

inline Error make_error(TRITONSERVER_Error_Code code, const std::string& message) {
  return Error(TRITONSERVER_ErrorNew(code, message.c_str()));
}

// For calls whose failure leaves nothing to do: the error is dropped, not leaked.
inline void ignore(TRITONSERVER_Error* error) { Error dropped(error); }

}  // namespace tfe::backend

// Returns the error of a C API call from a function that returns Error.
#define TFE_RETURN_IF_ERROR(call)                             \
  do {                                                        \
    if (::tfe::backend::Error tfe_error{(call)}; tfe_error) { \
      return tfe_error;                                       \
    }                                                         \
  } while (false)
