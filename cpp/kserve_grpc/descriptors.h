// Descriptors of every service that this frontend offers, for server reflection.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "grpc/descriptors.h"

namespace tfe::kserve_grpc {

// Serialized FileDescriptorProtos, made of tools/grpc_schema by tools/generate_descriptors.py when
// this folder is built.
std::span<const std::string_view> file_descriptors();

std::shared_ptr<const grpc::Descriptors> service_descriptors();

}  // namespace tfe::kserve_grpc
