// Answers of the KServe v2 HTTP endpoints: status codes, JSON errors, and their headers.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "http/exchange.h"

namespace tfe::kserve_http {

inline constexpr std::string_view kJson = "application/json";
inline constexpr std::string_view kText = "text/plain";

// A complete answer as a value, so that it can be made on one thread and sent on another.
struct Reply {
  http::ResponseHead head;
  base::Chain body;
};

// HTTP status of an error. Mistakes in JSON are kInternal and hence 500, as clients of Triton
// expect.
int http_status(base::Code code);

Reply error_reply(const base::Error& error);
Reply method_not_allowed(std::string_view allow);
Reply not_found();
Reply text_reply(std::string body, std::string_view content_type);
// 200 or another status without content.
Reply empty_reply(int status, std::string_view content_type);
// The text, or the error.
Reply json_reply(base::Result<std::string> result);

void send(http::Exchange& exchange, Reply reply);
// The sink for a request that is answered, or otherwise over: it gets no calls.
std::shared_ptr<http::RequestSink> no_sink();
// Sends a reply and returns the sink for a request whose body is of no interest.
std::shared_ptr<http::RequestSink> answer(http::Exchange& exchange, Reply reply);

}  // namespace tfe::kserve_http
