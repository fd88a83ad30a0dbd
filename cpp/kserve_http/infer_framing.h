// What the head of an inference request says about its body: coding, length, and where the JSON
// text ends (Triton's binary tensor data extension).
#pragma once

#include <cstdint>
#include <optional>

#include "base/status.h"
#include "http/exchange.h"
#include "kserve_http/options.h"

namespace tfe::kserve_http {

inline constexpr std::string_view kHeaderLength = "inference-header-content-length";

struct InferFraming {
  // Bytes of JSON; 0 is a raw binary request; empty: the whole body is JSON.
  std::optional<std::uint64_t> json_size;

  bool raw() const { return json_size == 0; }
  // Most bytes of the body that Options allow, or none for a body with binary tensors, which is
  // bounded by the protocol alone.
  std::optional<std::uint64_t> body_limit(const Options& options) const;
  // The error for a body above that.
  base::Error too_large(std::uint64_t size, const Options& options) const;
};

// Checks in the order of the protocol's rules: coding, length, header length, limits.
base::Result<InferFraming> read_infer_framing(const http::RequestHead& head,
                                              const Options& options);

// "<n> is not within the body", also needed when a body of unknown size has ended.
base::Error header_out_of_range(std::uint64_t body_size, std::string_view got);

}  // namespace tfe::kserve_http
