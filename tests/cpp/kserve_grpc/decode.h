// Decodes a ModelInferRequest and keeps what the result points to.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "kserve_grpc/infer_request.h"
#include "kserve_grpc/wire.h"

namespace tfe::kserve_grpc {

using namespace tfe::testing;  // NOLINT: the builders of wire.h

struct Decoded {
  std::shared_ptr<const std::string> message;
  std::optional<kserve::InferRequest> request;
  base::Error error;

  std::string data(std::size_t index) const {
    return std::string(base::as_text(request->inputs.at(index).data));
  }
};

inline Decoded decode(const std::string& message, const MessageLimits& limits = {}) {
  Decoded decoded{std::make_shared<const std::string>(message), std::nullopt, {}};
  const auto wire = parse_infer_message(base::as_bytes(*decoded.message), limits);
  if (!wire) {
    decoded.error = wire.error();
    return decoded;
  }
  auto request = build_infer_request(*wire, -1, decoded.message);
  if (request)
    decoded.request = std::move(*request);
  else
    decoded.error = request.error();
  return decoded;
}

inline std::string invalid_text(const std::string& message) {
  const Decoded decoded = decode(message);
  EXPECT_FALSE(decoded.request);
  EXPECT_EQ(decoded.error.code, base::Code::kInvalidArgument);
  return decoded.error.message;
}

inline const std::string kModel = bytes_field(1, "m");
inline const std::string kFloats = float_text({1, 2});

}  // namespace tfe::kserve_grpc
