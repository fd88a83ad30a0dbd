// Turns JSON of the inference core into protobuf, driven by tables that describe the messages.
//
// Rules (proto3 JSON mapping, as far as the core uses it): members are found by the field's proto
// name; unknown members and nulls are ignored, so that a newer core does not break an older
// frontend; 64-bit integers come as numbers or as decimal strings; enums as names or numbers; NaN
// and infinities as strings. Fields are written in the order of the table.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"

namespace tfe::codec {

enum class ProtoKind : std::uint8_t {
  kString,
  kBool,
  kInt32,
  kInt64,
  kUint32,
  kUint64,
  kFloat,
  kDouble,
  kEnum,
  kMessage,
};

enum class ProtoShape : std::uint8_t {
  kSingular,  // scalars are left out when they have their default value
  kOneof,     // written whenever the member is there
  kRepeated,
  kMap,  // the kind is that of the values
};

struct ProtoEnumValue {
  std::string_view name;
  std::int32_t number;
};

struct ProtoMessage;

struct ProtoField {
  std::uint32_t number;
  std::string_view name;
  ProtoKind kind;
  ProtoShape shape = ProtoShape::kSingular;
  const ProtoMessage* message = nullptr;        // of kMessage
  std::span<const ProtoEnumValue> values = {};  // of kEnum
  ProtoKind key = ProtoKind::kString;           // of kMap: kString or an unsigned integer
};

struct ProtoMessage {
  std::span<const ProtoField> fields;
};

// The root is an object, or an array that is the message's first field. Empty text is an empty
// message. Text that is not UTF-8 (why a model does not load is its backend's to say) is mended:
// clients would refuse the whole message. Fails with kInternal, naming the member that does not
// fit.
base::Result<std::string> json_to_proto(std::string_view json, const ProtoMessage& type);

}  // namespace tfe::codec
