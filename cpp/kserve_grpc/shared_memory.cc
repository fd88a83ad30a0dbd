// The six methods of Triton's system and CUDA shared memory extensions.
#include "kserve/shared_memory.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "codec/proto_reader.h"
#include "codec/proto_writer.h"
#include "kserve_grpc/control.h"
#include "kserve_grpc/service.h"
#include "kserve_grpc/unary.h"

namespace tfe::kserve_grpc {
namespace {

using base::Code;
using codec::field_key;
using codec::ProtoReader;
using codec::ProtoWriter;
using codec::Wire;
using kserve::Region;
using kserve::RegionKind;
constexpr auto kAlways = ProtoWriter::Presence::kAlways;

const kserve::SharedMemory& memory_of(const Context& context) {
  return context.inference.extensions().shared_memory;
}

// Of the requests for status and unregistration: field 1, a name.
base::Result<std::string> parse_region_name(base::Bytes request) {
  std::string name;
  ProtoReader reader(request);
  while (reader.next()) {
    if (reader.key() == field_key(1, Wire::kBytes)) name = reader.text();
  }
  if (reader.failed()) return std::unexpected(unparsable());
  return name;
}

// RegionStatus of either kind.
std::string encode_region(const Region& region) {
  std::string status;
  ProtoWriter writer(status);
  writer.bytes(1, region.name());
  if (region.kind() == RegionKind::kSystem) {
    const auto& source = static_cast<const kserve::SystemRegion&>(region).source();
    writer.bytes(2, source.key);
    writer.varint(3, source.offset);
    writer.varint(4, region.byte_size());
  } else {
    writer.varint(2, static_cast<const kserve::CudaRegion&>(region).source().device_id);
    writer.varint(3, region.byte_size());
  }
  return status;
}

base::Result<std::string> region_status(const Context& context, RegionKind kind,
                                        base::Bytes request) {
  const auto name = parse_region_name(request);
  if (!name) return std::unexpected(name.error());
  const auto regions = memory_of(context).status(kind, *name);
  if (!regions) return std::unexpected(regions.error());
  std::string response;
  for (const auto& region : *regions) {
    std::string entry;
    ProtoWriter(entry).bytes(1, region->name(), kAlways);
    ProtoWriter(entry).bytes(2, encode_region(*region), kAlways);
    ProtoWriter(response).bytes(1, entry, kAlways);
  }
  return response;
}

base::Result<kserve::ControlCall> register_system(base::Bytes request) {
  std::string name;
  kserve::SystemRegionSource source;
  ProtoReader reader(request);
  while (reader.next()) {
    if (reader.key() == field_key(1, Wire::kBytes)) name = reader.text();
    if (reader.key() == field_key(2, Wire::kBytes)) source.key = reader.text();
    if (reader.key() == field_key(3, Wire::kVarint)) source.offset = reader.number_value();
    if (reader.key() == field_key(4, Wire::kVarint)) source.byte_size = reader.number_value();
  }
  if (reader.failed()) return std::unexpected(unparsable());
  return kserve::RegisterSystem{std::move(name), std::move(source)};
}

base::Result<triton::CudaIpcHandle> read_handle(const std::string& name, base::Bytes raw) {
  triton::CudaIpcHandle handle{};
  if (raw.size() != handle.size()) {
    return base::fail(Code::kInvalidArgument,
                      "failed to register shared memory region '" + name +
                          "': invalid args (raw_handle has " + std::to_string(raw.size()) +
                          " bytes, expected the " + std::to_string(handle.size()) +
                          " of a cudaIpcMemHandle_t)");
  }
  std::ranges::copy(raw, handle.begin());
  return handle;
}

base::Result<kserve::ControlCall> register_cuda(base::Bytes request) {
  std::string name;
  base::Bytes raw;
  std::int64_t device = 0;
  kserve::CudaRegionSource source;
  ProtoReader reader(request);
  while (reader.next()) {
    if (reader.key() == field_key(1, Wire::kBytes)) name = reader.text();
    if (reader.key() == field_key(2, Wire::kBytes)) raw = reader.bytes();
    if (reader.key() == field_key(3, Wire::kVarint)) device = reader.int64();
    if (reader.key() == field_key(4, Wire::kVarint)) source.byte_size = reader.number_value();
  }
  if (reader.failed()) return std::unexpected(unparsable());
  const auto handle = read_handle(name, raw);
  if (!handle) return std::unexpected(handle.error());
  if (device < 0) {
    return base::fail(Code::kInvalidArgument, "failed to register shared memory region '" + name +
                                                  "': invalid args (device_id is " +
                                                  std::to_string(device) + ", expected >= 0)");
  }
  source.handle = *handle;
  source.device_id = static_cast<std::uint64_t>(device);
  return kserve::RegisterCuda{std::move(name), source};
}

template <RegionKind kKind>
base::Result<kserve::ControlCall> unregister(base::Bytes request) {
  auto name = parse_region_name(request);
  if (!name) return std::unexpected(std::move(name).error());
  return kserve::Unregister{kKind, *std::move(name)};
}

using Method = base::Result<std::string> (*)(const Context& context, base::Bytes request);
using Decode = base::Result<kserve::ControlCall> (*)(base::Bytes request);

}  // namespace

// The system calls may wait, for no model.
void add_shared_memory(grpc::Router& router, const ContextPtr& context) {
  const auto add = [&](std::string_view name, Method method) {
    add_blocking(
        router, std::string(kService) + std::string(name),
        [context, method](base::Bytes request) { return method(*context, request); },
        context->blocking(), Lane::kQuick);
  };
  // Anybody may look; changes are the clients' only where the server allows them.
  const auto add_change = [&](std::string_view name, Decode decode) {
    if (context->options.allow_client_shm) {
      return add_later(
          router, std::string(kService) + std::string(name),
          [context, decode](base::Bytes request, Respond respond) {
            change(context, decode(request), std::move(respond));
          },
          context->blocking(), Lane::kQuick);
    }
    add(name, [](const Context&, base::Bytes) -> base::Result<std::string> {
      return std::unexpected(kserve::client_shared_memory_disabled());
    });
  };
  add("SystemSharedMemoryStatus", [](const Context& given, base::Bytes request) {
    return region_status(given, RegionKind::kSystem, request);
  });
  add("CudaSharedMemoryStatus", [](const Context& given, base::Bytes request) {
    return region_status(given, RegionKind::kCuda, request);
  });
  add_change("SystemSharedMemoryRegister", &register_system);
  add_change("CudaSharedMemoryRegister", &register_cuda);
  add_change("SystemSharedMemoryUnregister", &unregister<RegionKind::kSystem>);
  add_change("CudaSharedMemoryUnregister", &unregister<RegionKind::kCuda>);
}

}  // namespace tfe::kserve_grpc
