// Where handlers of inference tell a request's trace what they see. All of these do nothing for a
// request that is not traced (null).
//
//   GRPC_WAITREAD_START     the call is there and waits for a request
//   GRPC_WAITREAD_END       the request's message is complete
//   INFER_RESPONSE_COMPLETE the core has delivered a response
//   GRPC_SEND_START         a response message is given to the protocol
//   GRPC_SEND_END           the socket has taken its last byte, or the connection is gone
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"
#include "grpc/metadata.h"
#include "kserve/tracing.h"
#include "kserve_grpc/options.h"

namespace tfe::kserve_grpc {

using Trace = std::shared_ptr<kserve::RequestTrace>;

inline constexpr std::string_view kResponseComplete = "INFER_RESPONSE_COMPLETE";

// What a trace needs from before the request is known. Nothing while tracing is off.
class TraceStart {
 public:
  // The call is there: keeps its traceparent and tracestate.
  TraceStart(const Context& context, const grpc::Metadata& metadata);
  // Its message has been read. On a stream, waiting() follows for the next one.
  void read();
  void waiting();

  // Samples a request to the model, with the activities so far.
  Trace sample(const Context& context, const std::string& model) const;

 private:
  struct Seen {
    kserve::TraceContext context;
    base::TimePoint waiting;
    base::TimePoint read;
  };
  std::optional<Seen> seen_;
};

inline void trace_mark(const Trace& trace, std::string_view activity) {
  if (trace) trace->mark(activity);
}

// Marks GRPC_SEND_START; GRPC_SEND_END follows when what is returned has been sent.
base::Chain trace_message(const Trace& trace, base::Chain message);

// The parts of W3C Trace Context in the metadata: one traceparent, any number of tracestate lists.
kserve::TraceContext trace_context_of(const grpc::Metadata& metadata);

}  // namespace tfe::kserve_grpc
