// grpc.reflection.v1 and v1alpha ServerReflection: clients without .proto files ask what there is
// to call, and how. Both versions have the same messages.
//
// One answer per request, in order. An answer is a thousand times the size of its question, so a
// client that does not read is not heard either.
#pragma once

#include <memory>

#include "grpc/descriptors.h"
#include "grpc/router.h"

namespace tfe::grpc {

void add_reflection(Router& router, std::shared_ptr<const Descriptors> descriptors);

}  // namespace tfe::grpc
