#include "kserve_http/load_report.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "codec/json_writer.h"
#include "http/headers.h"

namespace tfe::kserve_http {
namespace {

constexpr std::string_view kFamily = "nv_trt_llm_kv_cache_block_metrics";
constexpr std::string_view kLabel = "kv_cache_block_type=\"";

struct KvCache {
  std::optional<double> used;
  std::optional<double> max;
  std::optional<double> tokens_per_block;
};

// A value of the Prometheus text format: a decimal number with or without an exponent, NaN, +Inf.
// Behind it a timestamp may follow.
std::optional<double> parse_value(std::string_view text) {
  text = http::trim(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  text = text.substr(0, text.find_first_of(" \t"));
  double value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = result.ptr == text.data() + text.size();
  if (result.ec != std::errc() || !whole || !std::isfinite(value)) return std::nullopt;
  return value;
}

// One line of the text. Label values are quoted, so the first "} " behind the labels ends them
// unless a value holds it, which those of this family never do.
void read_line(std::string_view line, KvCache& cache) {
  if (!line.starts_with(kFamily)) return;
  line.remove_prefix(kFamily.size());
  const std::size_t end = line.rfind('}');
  const std::size_t label = line.find(kLabel);
  if (!line.starts_with('{') || end == std::string_view::npos || label > end) return;
  const std::string_view type = line.substr(label + kLabel.size());
  const auto value = parse_value(line.substr(end + 1));
  if (!value) return;
  if (type.starts_with("used\"")) cache.used = value;
  if (type.starts_with("max\"")) cache.max = value;
  if (type.starts_with("tokens_per\"")) cache.tokens_per_block = value;
}

// Whole numbers without fraction; metrics are doubles, counts of tokens are not.
std::string count_text(double value) {
  std::string text;
  const double rounded = std::round(std::max(value, 0.0));
  codec::append_json_number(text,
                            static_cast<std::uint64_t>(std::min(rounded, 18446744073709549568.0)));
  return text;
}

}  // namespace

std::optional<LoadFormat> wanted_load_format(const http::RequestHead& head) {
  const auto format = http::find_header(head.headers, "endpoint-load-metrics-format");
  if (!format) return std::nullopt;
  if (*format == "json") return LoadFormat::kAsJson;
  if (*format == "text") return LoadFormat::kAsText;
  return std::nullopt;
}

std::optional<std::string> load_report(std::string_view metrics, LoadFormat format) {
  KvCache cache;
  while (!metrics.empty()) {
    const std::size_t end = metrics.find('\n');
    read_line(metrics.substr(0, end), cache);
    metrics = end == std::string_view::npos ? std::string_view() : metrics.substr(end + 1);
  }
  if (!cache.used || !cache.max || !cache.tokens_per_block) return std::nullopt;
  const double utilization = *cache.max == 0 ? 0 : *cache.used / *cache.max;
  const std::string capacity = count_text(*cache.max * *cache.tokens_per_block);
  std::string text;
  if (format == LoadFormat::kAsJson) {
    text = "JSON {\"named_metrics\":{\"kv_cache_utilization\":";
    codec::append_json_number(text, utilization);
    return text + ",\"max_token_capacity\":" + capacity + "}}";
  }
  // Six decimals: what printf's %f gives, and clients of Triton read.
  char number[64];
  std::snprintf(number, sizeof(number), "%f", utilization);
  return "TEXT named_metrics.kv_cache_utilization=" + std::string(number) +
         ", named_metrics.max_token_capacity=" + capacity;
}

}  // namespace tfe::kserve_http
