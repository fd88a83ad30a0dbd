// GET and POST /v2/trace/setting and /v2/models/<model>/trace/setting: Triton's trace extension.
//
// An update is checked as a whole before any of it is applied.
#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"
#include "http/exchange.h"
#include "kserve_http/blocking_call.h"
#include "kserve_http/endpoints.h"
#include "kserve_http/reply.h"

namespace tfe::kserve_http {

std::shared_ptr<http::RequestSink> start_trace_setting(const EndpointCall& call);

// An empty model stands for the general settings.
Reply read_trace_settings(const Context& context, const std::string& model);
// Answers what is then in force.
void change_trace_settings(std::shared_ptr<const Context> context, const std::string& model,
                           base::Bytes body, BlockingCall::Answer answer);

}  // namespace tfe::kserve_http
