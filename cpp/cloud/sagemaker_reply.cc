#include "cloud/sagemaker_reply.h"

#include "cloud/out_of_memory.h"

namespace tfe::cloud {
namespace {

using base::Code;
using kserve_http::Reply;

int model_error_status(const base::Error& error) {
  if (tells_out_of_memory(error.message)) return 507;
  switch (error.code) {
    case Code::kPermissionDenied:
    case Code::kResourceExhausted:
    case Code::kDeadlineExceeded:
    case Code::kElsewhere:
      return kserve_http::http_status(error.code);
    default:
      return 400;
  }
}

Reply reply_with_status(const base::Error& error, int status) {
  Reply reply = kserve_http::error_reply(error);
  reply.head.status = status;
  return reply;
}

}  // namespace

Reply model_error_reply(const base::Error& error) {
  return reply_with_status(error, model_error_status(error));
}

Reply load_error_reply(const base::Error& error) {
  if (error.code == Code::kAlreadyExists) return reply_with_status(error, 409);
  if (error.code == Code::kUnavailable) return reply_with_status(error, 503);
  return model_error_reply(error);
}

Reply not_loaded_reply(const std::string& model) {
  return kserve_http::error_reply({Code::kNotFound, "model '" + model + "' is not loaded"});
}

}  // namespace tfe::cloud
