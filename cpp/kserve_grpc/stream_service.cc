// ModelStreamInfer on a router.
#include <string>

#include "kserve_grpc/service.h"
#include "kserve_grpc/stream_call.h"

namespace tfe::kserve_grpc {
namespace {

// Exactly so, as Triton's frontend reads it; once, when the stream is opened.
bool errors_end_stream(const grpc::Metadata& metadata) {
  return metadata.find("triton_grpc_error") == "true";
}

}  // namespace

void add_stream(grpc::Router& router, const ContextPtr& context) {
  router.add(
      std::string(kService) + "ModelStreamInfer",
      [context](const std::shared_ptr<grpc::Call>& call, const grpc::Metadata& metadata) {
        return std::make_shared<StreamCall>(context, call, metadata, errors_end_stream(metadata));
      },
      &first_raw_offset, true);
}

}  // namespace tfe::kserve_grpc
