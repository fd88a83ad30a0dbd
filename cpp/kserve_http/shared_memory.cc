#include "kserve_http/shared_memory.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "base/base64.h"
#include "codec/json_reader.h"
#include "codec/json_writer.h"
#include "codec/proto_reader.h"
#include "kserve/shared_memory.h"
#include "kserve_http/control.h"
#include "kserve_http/json_field.h"
#include "kserve_http/reply.h"

namespace tfe::kserve_http {
namespace {

using base::Code;
using base::Result;
using base::Status;
using codec::JsonReader;
using codec::JsonType;
using codec::JsonValue;
using kserve::Region;
using kserve::RegionKind;
using Sink = std::shared_ptr<http::RequestSink>;

const kserve::SharedMemory& memory_of(const Context& context) {
  return context.inference.extensions().shared_memory;
}

std::string_view kind_name(RegionKind kind) {
  return kind == RegionKind::kSystem ? "system" : "cuda";
}

void append_system(std::string& out, const kserve::SystemRegionSource& source) {
  out += ",\"key\":";
  codec::append_json_string(out, source.key);
  out += ",\"offset\":" + std::to_string(source.offset);
}

void append_region(std::string& out, const Region& region) {
  out += "{\"name\":";
  codec::append_json_string(out, region.name());
  if (region.kind() == RegionKind::kSystem) {
    append_system(out, static_cast<const kserve::SystemRegion&>(region).source());
  } else {
    const auto& source = static_cast<const kserve::CudaRegion&>(region).source();
    out += ",\"device_id\":" + std::to_string(source.device_id);
  }
  out += ",\"byte_size\":" + std::to_string(region.byte_size()) + "}";
}

Reply read_status(const Context& context, RegionKind kind, const std::string& name) {
  const auto regions = memory_of(context).status(kind, name);
  if (!regions) return error_reply(regions.error());
  std::string text = "[";
  for (const auto& region : *regions) {
    if (text.size() > 1) text += ',';
    append_region(text, *region);
  }
  text += ']';
  return json_reply(std::move(text));
}

// Not on the loop: there may be thousands of regions.
Sink start_status(const EndpointCall& call, RegionKind kind) {
  auto work = [context = call.context, kind, name = call.route.region.str()](base::Bytes) {
    return read_status(*context, kind, name);
  };
  return BlockingCall::start(call.context, call.head, call.exchange, BlockingCall::Body::kIgnored,
                             std::move(work), BlockingCall::Lane::kQuick);
}

Sink start_unregister(const EndpointCall& call, RegionKind kind) {
  if (!call.context->options.allow_client_shm) {
    return answer(call.exchange, error_reply(kserve::client_shared_memory_disabled()));
  }
  auto work = [context = call.context, kind, name = call.route.region.str()](
                  base::Bytes, BlockingCall::Answer answer) {
    change(context, kserve::Unregister{kind, name}, done_reply, std::move(answer));
  };
  return BlockingCall::start_later(call.context, call.head, call.exchange,
                                   BlockingCall::Body::kIgnored, std::move(work),
                                   BlockingCall::Lane::kQuick);
}

// `decode(name, body) -> Result<ControlCall>`.
template <typename Decode>
Sink start_register(const EndpointCall& call, RegionKind kind, Decode decode) {
  if (!call.context->options.allow_client_shm) {
    return answer(call.exchange, error_reply(kserve::client_shared_memory_disabled()));
  }
  if (call.route.region.empty()) {
    return answer(call.exchange,
                  error_reply({Code::kInvalidArgument, "'region name' is necessary to register " +
                                                           std::string(kind_name(kind)) +
                                                           " shared memory region"}));
  }
  // It would make the status of all regions a document that no client can read (RFC 8259 section
  // 8.1).
  if (!codec::valid_utf8(call.route.region.view())) {
    return answer(call.exchange, error_reply({Code::kInvalidArgument,
                                              "the name of a region must be valid UTF-8"}));
  }
  auto work = [context = call.context, decode, name = call.route.region.str()](
                  base::Bytes body, BlockingCall::Answer answer) {
    auto wanted = decode(name, body);
    if (!wanted) return answer(error_reply(wanted.error()));
    change(context, *std::move(wanted), done_reply, std::move(answer));
  };
  return BlockingCall::start_later(call.context, call.head, call.exchange,
                                   BlockingCall::Body::kCollected, std::move(work),
                                   BlockingCall::Lane::kQuick);
}

base::Error no_field(std::string_view name) {
  return {Code::kInvalidArgument,
          "Shared memory register request has no '" + std::string(name) + "' field"};
}

template <typename T>
Result<T> value_or(Field<T> field, base::Error absent) {
  if (!field) return std::unexpected(std::move(absent));
  return *std::move(field);
}

// Each value is taken where it stands; the first error in the order of the rules is the answer.
Result<kserve::SystemRegionSource> decode_system(base::Bytes body) {
  Field<std::string> key;
  Field<std::uint64_t> offset;
  Field<std::uint64_t> byte_size;
  JsonReader reader(base::as_text(body));
  auto status = reader.each_member([&](std::string_view name, JsonValue value) -> Status {
    if (name == "key" && !key) {
      key = own_string(value);
    } else if (name == "offset" && !offset) {
      offset = value.unsigned_integer();
    } else if (name == "byte_size" && !byte_size) {
      byte_size = value.unsigned_integer();
    } else {
      return value.validate();
    }
    return {};
  });
  if (status = reader.finish(std::move(status)); !status) return std::unexpected(status.error());
  auto source = value_or(std::move(key), no_field("key"));
  if (!source) return std::unexpected(std::move(source).error());
  if (offset && !*offset) return std::unexpected(offset->error());
  const auto size = value_or(std::move(byte_size), no_field("byte_size"));
  if (!size) return std::unexpected(size.error());
  return kserve::SystemRegionSource{*std::move(source), offset ? **offset : 0, *size};
}

struct CudaFields {
  bool has_handle = false;
  Field<std::string> b64;
  Field<std::uint64_t> device_id;
  Field<std::uint64_t> byte_size;
};

Status take_handle(JsonValue value, CudaFields& fields) {
  if (value.type() != JsonType::kObject) {
    auto status = value.validate();
    fields.b64 = base::fail(Code::kInternal, "attempt to access JSON non-object as object");
    return status;
  }
  return value.each_member([&](std::string_view name, JsonValue member) -> Status {
    if (name != "b64" || fields.b64) return member.validate();
    fields.b64 = own_string(member);
    return {};
  });
}

Status take_cuda_member(std::string_view name, JsonValue value, CudaFields& fields) {
  if (name == "raw_handle" && !std::exchange(fields.has_handle, true)) {
    return take_handle(value, fields);
  }
  if (name == "device_id" && !fields.device_id) {
    fields.device_id = value.unsigned_integer();
  } else if (name == "byte_size" && !fields.byte_size) {
    fields.byte_size = value.unsigned_integer();
  } else {
    return value.validate();
  }
  return {};
}

// Clients break the text into lines, so characters outside the alphabet are passed over.
Result<triton::CudaIpcHandle> decode_handle(std::string_view b64) {
  const std::string bytes = base::base64_decode_lenient(b64);
  triton::CudaIpcHandle handle{};
  if (bytes.size() != handle.size()) {
    return base::fail(Code::kInvalidArgument,
                      "'raw_handle' must be a valid base64 encoded cudaIpcMemHandle_t");
  }
  std::ranges::copy(base::as_bytes(bytes), handle.begin());
  return handle;
}

Result<kserve::CudaRegionSource> decode_cuda(base::Bytes body) {
  CudaFields fields;
  JsonReader reader(base::as_text(body));
  auto status = reader.each_member([&](std::string_view name, JsonValue value) -> Status {
    return take_cuda_member(name, value, fields);
  });
  if (status = reader.finish(std::move(status)); !status) return std::unexpected(status.error());
  if (!fields.has_handle) return std::unexpected(no_field("raw_handle"));
  const auto b64 = value_or(std::move(fields.b64), missing_member("b64"));
  if (!b64) return std::unexpected(b64.error());
  const auto device = value_or(std::move(fields.device_id), missing_member("device_id"));
  if (!device) return std::unexpected(device.error());
  const auto size = value_or(std::move(fields.byte_size), missing_member("byte_size"));
  if (!size) return std::unexpected(size.error());
  const auto handle = decode_handle(*b64);
  if (!handle) return std::unexpected(handle.error());
  return kserve::CudaRegionSource{*handle, *device, *size};
}

}  // namespace

Sink start_system_memory_status(const EndpointCall& call) {
  return start_status(call, RegionKind::kSystem);
}

Sink start_system_memory_register(const EndpointCall& call) {
  return start_register(
      call, RegionKind::kSystem,
      [](const std::string& name, base::Bytes body) -> Result<kserve::ControlCall> {
        auto source = decode_system(body);
        if (!source) return std::unexpected(std::move(source).error());
        return kserve::RegisterSystem{name, *std::move(source)};
      });
}

Sink start_system_memory_unregister(const EndpointCall& call) {
  return start_unregister(call, RegionKind::kSystem);
}

Sink start_cuda_memory_status(const EndpointCall& call) {
  return start_status(call, RegionKind::kCuda);
}

Sink start_cuda_memory_register(const EndpointCall& call) {
  return start_register(
      call, RegionKind::kCuda,
      [](const std::string& name, base::Bytes body) -> Result<kserve::ControlCall> {
        const auto source = decode_cuda(body);
        if (!source) return std::unexpected(source.error());
        return kserve::RegisterCuda{name, *source};
      });
}

Sink start_cuda_memory_unregister(const EndpointCall& call) {
  return start_unregister(call, RegionKind::kCuda);
}

}  // namespace tfe::kserve_http
