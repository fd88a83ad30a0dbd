// What the head of an inference request says about its body: codings, length, and where the JSON
// text ends (Triton's binary tensor data extension).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/status.h"
#include "http/content_coding.h"
#include "http/exchange.h"
#include "kserve_http/infer_style.h"
#include "kserve_http/options.h"
#include "kserve_http/request_body.h"

namespace tfe::kserve_http {

inline constexpr std::string_view kHeaderLength = "inference-header-content-length";

struct InferFraming {
  // Bytes of JSON, after decompression; 0 is a raw binary request; empty: all of the body is JSON.
  std::optional<std::uint64_t> json_size;

  bool raw() const { return json_size == 0; }
};

struct InferHead {
  InferFraming framing;
  BodyPlan body;
};

// Checks in the order of the protocol's rules: codings, length, header length, limits.
base::Result<InferHead> read_infer_head(const http::RequestHead& head, const Options& options,
                                        const InferStyle& style);

// The codings of a request whose style honours them, of all its Content-Encoding lines.
base::Result<std::vector<http::Coding>> read_codings(const http::RequestHead& head,
                                                     const InferStyle& style);

// "<n> is not within the body", also needed when a body of unknown size has ended.
base::Error header_out_of_range(std::uint64_t body_size, std::string_view got);
// A request without a body, which says nothing.
base::Error empty_body();

}  // namespace tfe::kserve_http
