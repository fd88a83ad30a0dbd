// The bridge from errors as values to Python exceptions: unwrap() throws BindingError, and the one
// translator in bind_errors.cc turns it into the class of tritonfrontend.errors.
#pragma once

#include <nanobind/nanobind.h>

#include <string>
#include <utility>

#include "base/status.h"

namespace tfe::bindings {

struct BindingError {
  base::Error error;
};

// The exception object for an error that is kept instead of thrown.
nanobind::object to_exception(const base::Error& error);

template <typename T>
T unwrap(base::Result<T>&& result) {
  if (!result) throw BindingError{std::move(result.error())};
  return *std::move(result);
}

inline void unwrap(base::Status&& status) {
  if (!status) throw BindingError{std::move(status.error())};
}

[[noreturn]] inline void fail_argument(std::string message) {
  throw BindingError{{base::Code::kInvalidArgument, std::move(message)}};
}

}  // namespace tfe::bindings
