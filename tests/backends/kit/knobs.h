// What a test asks of a backend, looked up by name in this order:
//   1. a parameter of the request (any type),
//   2. an input tensor whose name is the knob's in upper case (one integer, or one BYTES element),
//   3. `parameters` of the model's configuration.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "kit/api.h"
#include "kit/error.h"

namespace tfe::backend {

using Settings = std::map<std::string, std::string, std::less<>>;

// The `parameters` of the model's configuration, and whether its max_batch_size is above 0.
Error read_settings(TRITONBACKEND_Model* model, Settings* settings, bool* batches);

class Knobs {
 public:
  // Both must outlive this object; `request` may be null while a model is loaded.
  Knobs(TRITONBACKEND_Request* request, const Settings& settings)
      : request_(request), settings_(settings) {}

  std::optional<std::string> find(std::string_view name) const;
  std::string text(std::string_view name, std::string_view fallback) const;
  // The fallback also replaces text that is no number.
  std::int64_t integer(std::string_view name, std::int64_t fallback) const;
  // True for "true" and for integers other than 0.
  bool flag(std::string_view name) const;

 private:
  std::optional<std::string> from_parameter(std::string_view name) const;
  std::optional<std::string> from_input(std::string_view name) const;

  TRITONBACKEND_Request* request_;
  const Settings& settings_;
};

// Copies the request's parameters, id, flags, correlation id and timeout into parameters of the
// response, so that tests see what reached the backend. Names of fields get the prefix "request.".
Error echo_request(TRITONBACKEND_Request* request, TRITONBACKEND_Response* response);

}  // namespace tfe::backend
