#include "kserve_grpc/trace_hooks.h"

#include <utility>

namespace tfe::kserve_grpc {
namespace {

constexpr std::string_view kWaitReadStart = "GRPC_WAITREAD_START";
constexpr std::string_view kWaitReadEnd = "GRPC_WAITREAD_END";
constexpr std::string_view kSendStart = "GRPC_SEND_START";
constexpr std::string_view kSendEnd = "GRPC_SEND_END";

}  // namespace

kserve::TraceContext trace_context_of(const grpc::Metadata& metadata) {
  kserve::TraceContext context;
  std::size_t parents = 0;
  metadata.each([&](std::string_view key, std::string_view value) {
    if (key == "traceparent") {
      ++parents;
      context.traceparent = value;
    } else if (key == "tracestate" && !value.empty()) {
      if (!context.tracestate.empty()) context.tracestate += ',';
      context.tracestate += value;
    }
  });
  if (parents != 1) return {};
  return context;
}

TraceStart::TraceStart(const Context& context, const grpc::Metadata& metadata) {
  if (!context.inference.extensions().tracing.enabled()) return;
  seen_ = Seen{trace_context_of(metadata), base::Clock::now(), {}};
}

void TraceStart::read() {
  if (seen_) seen_->read = base::Clock::now();
}

void TraceStart::waiting() {
  if (seen_) seen_->waiting = base::Clock::now();
}

Trace TraceStart::sample(const Context& context, const std::string& model) const {
  if (!seen_) return nullptr;
  Trace trace = context.inference.extensions().tracing.sample(model, seen_->context);
  if (trace) {
    trace->mark(kWaitReadStart, seen_->waiting);
    trace->mark(kWaitReadEnd, seen_->read);
  }
  return trace;
}

base::Chain trace_message(const Trace& trace, base::Chain message) {
  if (!trace) return message;
  trace->mark(kSendStart);
  return kserve::mark_when_sent(std::move(message), trace, kSendEnd);
}

}  // namespace tfe::kserve_grpc
