#include "kserve_grpc/service.h"

#include <string>

#include "kserve_grpc/infer_call.h"

namespace tfe::kserve_grpc {

void add_service(grpc::Router& router, const Dependencies& dependencies, const Options& options) {
  add_server_info(router, dependencies);
  add_model_info(router, dependencies);
  add_repository(router, dependencies);
  add_inference(router, dependencies, options);
}

void add_inference(grpc::Router& router, const Dependencies& dependencies, const Options& options) {
  router.add(
      std::string(kService) + "ModelInfer",
      [&inference = dependencies.inference, limits = options.limits](
          const std::shared_ptr<grpc::Call>& call, const grpc::Metadata&) {
        return std::make_shared<UnaryInferCall>(call, inference, limits);
      },
      &first_raw_offset);
}

}  // namespace tfe::kserve_grpc
