// GET and POST /v2/logging: Triton's logging extension.
//
// An update is checked as a whole before any of it is applied.
#pragma once

#include <memory>

#include "base/bytes.h"
#include "http/exchange.h"
#include "kserve_http/blocking_call.h"
#include "kserve_http/endpoints.h"
#include "kserve_http/reply.h"

namespace tfe::kserve_http {

std::shared_ptr<http::RequestSink> start_logging(const EndpointCall& call);

Reply read_log_settings(const Context& context);
// Answers what is then in force.
void change_log_settings(std::shared_ptr<const Context> context, base::Bytes body,
                         BlockingCall::Answer answer);

}  // namespace tfe::kserve_http
