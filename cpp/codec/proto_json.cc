#include "codec/proto_json.h"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "codec/proto_writer.h"

namespace tfe::codec {
namespace {

using simdjson::dom::element;
using Presence = ProtoWriter::Presence;

std::unexpected<base::Error> misfit(std::string_view member, std::string_view expected) {
  return base::fail(base::Code::kInternal, "unexpected JSON from the inference core: member '" +
                                               std::string(member) + "' is not " +
                                               std::string(expected));
}

template <typename T>
bool parse_whole(std::string_view text, T& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

// The bits of a varint: negative numbers sign-extended.
bool read_integer(element value, std::uint64_t& bits) {
  if (value.get(bits) == simdjson::SUCCESS) return true;
  std::int64_t number = 0;
  if (value.get(number) != simdjson::SUCCESS) {
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS) return false;
    if (parse_whole(text, bits)) return true;
    if (!parse_whole(text, number)) return false;
  }
  bits = static_cast<std::uint64_t>(number);
  return true;
}

bool read_double(element value, double& number) {
  if (value.get(number) == simdjson::SUCCESS) return true;
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS) return false;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (text == "NaN")
    number = std::numeric_limits<double>::quiet_NaN();
  else if (text == "Infinity")
    number = kInfinity;
  else if (text == "-Infinity")
    number = -kInfinity;
  else
    return parse_whole(text, number);
  return true;
}

bool read_enum(element value, std::span<const ProtoEnumValue> values, std::uint64_t& bits) {
  std::string_view name;
  if (value.get(name) != simdjson::SUCCESS) return read_integer(value, bits);
  const auto found = std::ranges::find(values, name, &ProtoEnumValue::name);
  // A name that a newer core knows and this table does not.
  bits = found != values.end() ? static_cast<std::uint64_t>(std::int64_t{found->number}) : 0;
  return true;
}

Wire wire_of(ProtoKind kind) {
  switch (kind) {
    case ProtoKind::kString:
    case ProtoKind::kMessage:
      return Wire::kBytes;
    case ProtoKind::kFloat:
      return Wire::kFixed32;
    case ProtoKind::kDouble:
      return Wire::kFixed64;
    default:
      return Wire::kVarint;
  }
}

class Transcoder {
 public:
  static base::Status message(simdjson::dom::object object, const ProtoMessage& type,
                              std::string& out) {
    for (const ProtoField& field : type.fields) {
      element value;
      if (object.at_key(field.name).get(value) != simdjson::SUCCESS || value.is_null()) continue;
      if (auto written = member(value, field, out); !written) return written;
    }
    return {};
  }

  static base::Status member(element value, const ProtoField& field, std::string& out) {
    switch (field.shape) {
      case ProtoShape::kSingular:
        return single(value, field, field.number, Presence::kImplicit, out);
      case ProtoShape::kOneof:
        return single(value, field, field.number, Presence::kAlways, out);
      case ProtoShape::kRepeated:
        return repeated(value, field, out);
      case ProtoShape::kMap:
        return map(value, field, out);
    }
    return {};
  }

 private:
  static base::Status single(element value, const ProtoField& field, std::uint32_t number,
                             Presence presence, std::string& out) {
    ProtoWriter writer(out);
    if (field.kind == ProtoKind::kString) {
      std::string_view text;
      if (value.get(text) != simdjson::SUCCESS) return misfit(field.name, "a string");
      writer.bytes(number, text, presence);
      return {};
    }
    if (field.kind == ProtoKind::kMessage) {
      simdjson::dom::object object;
      if (value.get(object) != simdjson::SUCCESS) return misfit(field.name, "an object");
      std::string inner;
      if (auto written = message(object, *field.message, inner); !written) return written;
      writer.bytes(number, inner, Presence::kAlways);
      return {};
    }
    return scalar(value, field, number, presence, writer);
  }

  static base::Status scalar(element value, const ProtoField& field, std::uint32_t number,
                             Presence presence, ProtoWriter& writer) {
    std::uint64_t bits = 0;
    double real = 0;
    bool truth = false;
    switch (field.kind) {
      case ProtoKind::kBool:
        if (value.get(truth) != simdjson::SUCCESS) return misfit(field.name, "a boolean");
        writer.boolean(number, truth, presence);
        return {};
      case ProtoKind::kFloat:
      case ProtoKind::kDouble:
        if (!read_double(value, real)) return misfit(field.name, "a number");
        if (field.kind == ProtoKind::kDouble)
          writer.float64(number, real, presence);
        else
          writer.float32(number, static_cast<float>(real), presence);
        return {};
      case ProtoKind::kEnum:
        if (!read_enum(value, field.values, bits)) return misfit(field.name, "an enum value");
        break;
      default:
        if (!read_integer(value, bits)) return misfit(field.name, "an integer");
    }
    writer.varint(number, bits, presence);
    return {};
  }

  static base::Status repeated(element value, const ProtoField& field, std::string& out) {
    simdjson::dom::array array;
    if (value.get(array) != simdjson::SUCCESS) return misfit(field.name, "an array");
    if (wire_of(field.kind) == Wire::kBytes) {
      for (const element item : array) {
        auto written = single(item, field, field.number, Presence::kAlways, out);
        if (!written) return written;
      }
      return {};
    }
    return packed(array, field, out);
  }

  // Scalars are written one after the other without tags. A tag of field 1 is one byte, which is
  // cut off again.
  static base::Status packed(simdjson::dom::array array, const ProtoField& field,
                             std::string& out) {
    std::string all;
    std::string one;
    for (const element item : array) {
      one.clear();
      ProtoWriter writer(one);
      auto written = scalar(item, field, 1, Presence::kAlways, writer);
      if (!written) return written;
      all.append(one, 1);
    }
    ProtoWriter(out).bytes(field.number, all);
    return {};
  }

  static base::Status map(element value, const ProtoField& field, std::string& out) {
    simdjson::dom::object object;
    if (value.get(object) != simdjson::SUCCESS) return misfit(field.name, "an object");
    for (const auto& [key, item] : object) {
      std::string entry;
      ProtoWriter writer(entry);
      if (field.key == ProtoKind::kString) {
        writer.bytes(1, key, Presence::kAlways);
      } else {
        std::uint64_t number = 0;
        if (!parse_whole(key, number)) return misfit(field.name, "a map with integer keys");
        writer.varint(1, number, Presence::kAlways);
      }
      if (auto written = single(item, field, 2, Presence::kAlways, entry); !written) return written;
      ProtoWriter(out).bytes(field.number, entry, Presence::kAlways);
    }
    return {};
  }
};

}  // namespace

base::Result<std::string> json_to_proto(std::string_view json, const ProtoMessage& type) {
  if (!simdjson::validate_utf8(json.data(), json.size())) {
    return json_to_proto(sanitize_utf8(json), type);
  }
  std::string out;
  if (json.empty()) return out;
  simdjson::dom::parser parser;
  element root;
  if (const auto error = parser.parse(json.data(), json.size()).get(root)) {
    return base::fail(
        base::Code::kInternal,
        std::string("unexpected JSON from the inference core: ") + simdjson::error_message(error));
  }
  base::Status written;
  if (simdjson::dom::object object; root.get(object) == simdjson::SUCCESS) {
    written = Transcoder::message(object, type, out);
  } else if (root.is_array() && !type.fields.empty()) {
    written = Transcoder::member(root, type.fields.front(), out);
  } else {
    return misfit("(root)", "an object");
  }
  if (!written) return std::unexpected(written.error());
  return out;
}

}  // namespace tfe::codec
