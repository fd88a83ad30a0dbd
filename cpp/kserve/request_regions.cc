#include "kserve/request_regions.h"

namespace tfe::kserve {

namespace {

base::Status append(const RegionUse& use, const std::string& input, triton::Request& target) {
  if (const triton::CudaIpcHandle* handle = use.ipc_handle()) {
    return target.append_device_input(input, use.bytes(), use.place(), *handle);
  }
  return target.append_input(input, use.bytes(), use.place());
}

}  // namespace

base::Status RequestRegions::bind_input(const SharedMemory& memory, const std::string& input,
                                        const SharedMemoryRef& reference, triton::Request& target) {
  auto use = memory.use(reference);
  if (!use) return std::unexpected(std::move(use.error()));
  target.keep(use->owner());
  inputs_.push_back(std::move(*use));
  return append(inputs_.back(), input, target);
}

base::Status RequestRegions::bind_output(const SharedMemory& memory, const std::string& output,
                                         const SharedMemoryRef& reference,
                                         triton::Request& target) {
  auto use = memory.use(reference);
  if (!use) return std::unexpected(std::move(use.error()));
  target.keep(use->owner());
  outputs_.emplace_back(output, std::move(*use));
  return {};
}

const RegionUse* RequestRegions::output(std::string_view name) const {
  for (const auto& [output, use] : outputs_) {
    if (output == name) return &use;
  }
  return nullptr;
}

base::Result<std::optional<triton::OutputBuffer>> RequestRegions::allocate(
    std::string_view name, std::size_t byte_size) const {
  const RegionUse* use = output(name);
  if (!use) return std::nullopt;
  if (use->bytes().size() < byte_size) {
    return base::fail(base::Code::kInternal,
                      "shared memory size specified with the request for output '" +
                          std::string(name) + "' (" + std::to_string(use->bytes().size()) +
                          " bytes) should be at least " + std::to_string(byte_size) +
                          " bytes to hold the results");
  }
  if (!use->intact()) {
    return base::fail(base::Code::kInternal, "shared memory region '" + use->region_name() +
                                                 "' for output '" + std::string(name) +
                                                 "' was made smaller after it was registered");
  }
  return triton::OutputBuffer{use->bytes().data(), use->place(), use->ipc_handle()};
}

triton::MemoryPlace RequestRegions::place_of(std::string_view name,
                                             std::optional<std::size_t> byte_size) const {
  const RegionUse* use = output(name);
  if (!use || byte_size.value_or(0) > use->bytes().size()) return {};
  return use->place();
}

void RequestRegions::end() {
  inputs_.clear();
  outputs_.clear();
}

}  // namespace tfe::kserve
