#include "kserve_grpc/descriptors.h"

namespace tfe::kserve_grpc {

std::shared_ptr<const grpc::Descriptors> service_descriptors() {
  auto index = grpc::Descriptors::index(file_descriptors());
  // A test reads them all: only a broken build gives none.
  return std::make_shared<const grpc::Descriptors>(std::move(index).value_or(grpc::Descriptors()));
}

}  // namespace tfe::kserve_grpc
