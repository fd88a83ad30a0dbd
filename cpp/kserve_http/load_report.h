// The load of the server in the format of ORCA (Open Request Cost Aggregation), which gateways in
// front of large language models route by: Triton's endpoint-load-metrics headers.
//
// The numbers come from the server's metrics text, which takes too long to make for a loop thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/exchange.h"

namespace tfe::kserve_http {

enum class LoadFormat : std::uint8_t { kAsJson, kAsText };

// What the request's header "endpoint-load-metrics-format" asks for: exactly "json" or "text".
// Empty for anything else, as in Triton.
std::optional<LoadFormat> wanted_load_format(const http::RequestHead& head);

// The value of the response header "endpoint-load-metrics". Empty unless the metrics (Prometheus
// text) have all three values of the KV cache of TensorRT-LLM: blocks used, blocks at most, and
// tokens per block.
std::optional<std::string> load_report(std::string_view metrics, LoadFormat format);

}  // namespace tfe::kserve_http
