// Where handlers of inference tell a request's trace what they see. All of these do nothing for a
// request that is not traced (null).
//
//   HTTP_RECV_START         the first byte of the request's head
//   HTTP_RECV_END           the end of its body
//   INFER_RESPONSE_COMPLETE the core has delivered a response
//   HTTP_SEND_START         an answer, or a piece of a streamed one, is given to the protocol
//   HTTP_SEND_END           the socket has taken its last byte, or the connection is gone
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "http/exchange.h"
#include "kserve/tracing.h"
#include "kserve_http/options.h"
#include "kserve_http/reply.h"

namespace tfe::kserve_http {

using Trace = std::shared_ptr<kserve::RequestTrace>;

inline constexpr std::string_view kRecvEnd = "HTTP_RECV_END";
inline constexpr std::string_view kResponseComplete = "INFER_RESPONSE_COMPLETE";

// Samples the request, with the traceparent and tracestate of its head, and marks HTTP_RECV_START.
Trace sample_trace(const Context& context, const std::string& model, const http::RequestHead& head);

inline void trace_mark(const Trace& trace, std::string_view activity) {
  if (trace) trace->mark(activity);
}

// Marks HTTP_SEND_START; HTTP_SEND_END follows when what is returned has been sent.
base::Chain trace_piece(const Trace& trace, base::Chain piece);
void trace_answer(const Trace& trace, Reply& reply);

// The parts of W3C Trace Context in a request: one traceparent, any number of tracestate lists.
kserve::TraceContext trace_context_of(const http::RequestHead& head);

}  // namespace tfe::kserve_http
