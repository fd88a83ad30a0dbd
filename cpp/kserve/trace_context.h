// W3C Trace Context (https://www.w3.org/TR/trace-context/) of a request: what its client says about
// the distributed trace that it belongs to.
#pragma once

#include <string>
#include <string_view>

namespace tfe::kserve {

// As the request's headers have it; empty where absent. More than one traceparent is none; several
// tracestate headers are one list.
struct TraceContext {
  std::string traceparent;
  std::string tracestate;
};

enum class TraceParent { kInvalid, kNotSampled, kSampled };

// Section 3.2.2. Of versions above 00, which may append fields, the known ones are read.
TraceParent parse_traceparent(std::string_view text);

// What backends are shown: {"traceparent":"..."} and, if there is one, "tracestate".
std::string trace_context_json(const TraceContext& context);

}  // namespace tfe::kserve
