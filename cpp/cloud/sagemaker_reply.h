// How SageMaker's contract wants errors: 507 makes it unload other models, 409 tells it that a
// model is loaded already, and a model that fails is 400 whatever the core's code is.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "kserve_http/infer_style.h"
#include "kserve_http/reply.h"

namespace tfe::cloud {

// For the multi-model calls: 507 if the text tells that memory ran out; 403, 429 and 504 for what
// the frontend itself refuses; otherwise 400.
kserve_http::Reply model_error_reply(const base::Error& error);
// The same for loads and unloads, where kAlreadyExists is 409, and 503 tells that it is the server,
// or one of several, that could not do it now.
kserve_http::Reply load_error_reply(const base::Error& error);
// 404, naming the model.
kserve_http::Reply not_loaded_reply(const std::string& model);

inline constexpr std::string_view kSageMakerBinary =
    "application/vnd.sagemaker-triton.binary+json;json-header-size=";

// POST /invocations, with the status codes of KServe.
inline constexpr kserve_http::InferStyle kInvocationStyle = {.binary_mime = kSageMakerBinary,
                                                             .binary_mime_in_response = true,
                                                             .content_coding = false,
                                                             .forward_headers = false,
                                                             .error = kserve_http::error_reply};
// POST /models/<name>/invoke.
inline constexpr kserve_http::InferStyle kInvokeStyle = {.binary_mime = kSageMakerBinary,
                                                         .binary_mime_in_response = true,
                                                         .content_coding = false,
                                                         .forward_headers = false,
                                                         .error = model_error_reply};

}  // namespace tfe::cloud
