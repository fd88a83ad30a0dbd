#include "kserve_grpc/service.h"

#include <string>

#include "grpc/reflection.h"
#include "kserve_grpc/access.h"
#include "kserve_grpc/descriptors.h"
#include "kserve_grpc/forwarded_call.h"

namespace tfe::kserve_grpc {

void add_service(grpc::Router& router, const ContextPtr& context) {
  add_server_info(router, context);
  add_model_info(router, context);
  add_repository(router, context);
  add_trace_settings(router, context);
  add_log_settings(router, context);
  add_shared_memory(router, context);
  add_inference(router, context);
  add_stream(router, context);
  if (context->options.reflection) grpc::add_reflection(router, service_descriptors());
  protect(router, context);
}

void add_inference(grpc::Router& router, const ContextPtr& context) {
  router.add(
      std::string(kService) + "ModelInfer",
      [context](const std::shared_ptr<grpc::Call>& call, const grpc::Metadata& metadata) {
        return start_infer(context, call, metadata);
      },
      &first_raw_offset, true);
}

}  // namespace tfe::kserve_grpc
