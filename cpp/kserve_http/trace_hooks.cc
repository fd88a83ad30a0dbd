#include "kserve_http/trace_hooks.h"

#include <utility>

#include "http/headers.h"

namespace tfe::kserve_http {
namespace {

constexpr std::string_view kRecvStart = "HTTP_RECV_START";
constexpr std::string_view kSendStart = "HTTP_SEND_START";
constexpr std::string_view kSendEnd = "HTTP_SEND_END";

}  // namespace

kserve::TraceContext trace_context_of(const http::RequestHead& head) {
  kserve::TraceContext context;
  std::size_t parents = 0;
  for (const http::HeaderView& header : head.headers) {
    if (http::iequals(header.name, "traceparent")) {
      ++parents;
      context.traceparent = http::trim(header.value);
    } else if (http::iequals(header.name, "tracestate") && !header.value.empty()) {
      if (!context.tracestate.empty()) context.tracestate += ',';
      context.tracestate += header.value;
    }
  }
  if (parents != 1) return {};
  return context;
}

Trace sample_trace(const Context& context, const std::string& model,
                   const http::RequestHead& head) {
  kserve::Tracing& tracing = context.inference.extensions().tracing;
  if (!tracing.enabled()) return nullptr;
  Trace trace = tracing.sample(model, trace_context_of(head));
  if (trace) trace->mark(kRecvStart, head.received_at);
  return trace;
}

base::Chain trace_piece(const Trace& trace, base::Chain piece) {
  trace_mark(trace, kSendStart);
  return kserve::mark_when_sent(std::move(piece), trace, kSendEnd);
}

void trace_answer(const Trace& trace, Reply& reply) {
  if (trace) reply.body = trace_piece(trace, std::move(reply.body));
}

}  // namespace tfe::kserve_http
