#include "kserve/trace_context.h"

#include <algorithm>

#include "kserve/trace_format.h"

namespace tfe::kserve {

namespace {

// Lengths of version "-" trace-id "-" parent-id "-" trace-flags.
constexpr std::size_t kVersionLength = 2;
constexpr std::size_t kTraceIdLength = 32;
constexpr std::size_t kParentIdLength = 16;
constexpr std::size_t kFlagsLength = 2;
constexpr std::size_t kLength =
    kVersionLength + 1 + kTraceIdLength + 1 + kParentIdLength + 1 + kFlagsLength;

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

bool is_id(std::string_view text) {
  return std::all_of(text.begin(), text.end(), is_hex) &&
         std::any_of(text.begin(), text.end(), [](char c) { return c != '0'; });
}

unsigned digit(char c) { return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10); }

// Takes a field and the dash behind it; empty if there is no dash.
std::string_view take_field(std::string_view& text, std::size_t length) {
  const std::string_view field = text.substr(0, length);
  if (text[length] != '-') return {};
  text.remove_prefix(length + 1);
  return field;
}

}  // namespace

TraceParent parse_traceparent(std::string_view text) {
  if (text.size() < kLength) return TraceParent::kInvalid;
  const std::string_view version = take_field(text, kVersionLength);
  if (version.empty() || !std::all_of(version.begin(), version.end(), is_hex) || version == "ff") {
    return TraceParent::kInvalid;
  }
  const std::string_view trace_id = take_field(text, kTraceIdLength);
  if (trace_id.empty() || !is_id(trace_id)) return TraceParent::kInvalid;
  const std::string_view parent_id = take_field(text, kParentIdLength);
  if (parent_id.empty() || !is_id(parent_id)) return TraceParent::kInvalid;
  const std::string_view flags = text.substr(0, kFlagsLength);
  const std::string_view more = text.substr(kFlagsLength);
  if (!std::all_of(flags.begin(), flags.end(), is_hex)) return TraceParent::kInvalid;
  if (!more.empty() && (version == "00" || more.front() != '-')) return TraceParent::kInvalid;
  return (digit(flags[1]) & 1U) != 0 ? TraceParent::kSampled : TraceParent::kNotSampled;
}

std::string trace_context_json(const TraceContext& context) {
  std::string json = "{\"traceparent\":";
  append_json_text(json, context.traceparent);
  if (!context.tracestate.empty()) {
    json += ",\"tracestate\":";
    append_json_text(json, context.tracestate);
  }
  return json + "}";
}

}  // namespace tfe::kserve
