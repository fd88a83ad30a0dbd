// Hand-made protobuf messages.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "codec/proto_writer.h"

namespace tfe::testing {

using codec::ProtoWriter;
inline constexpr auto kAlways = ProtoWriter::Presence::kAlways;

inline std::string varint_field(std::uint32_t number, std::uint64_t value) {
  std::string out;
  ProtoWriter(out).varint(number, value, kAlways);
  return out;
}
inline std::string bytes_field(std::uint32_t number, std::string_view value) {
  std::string out;
  ProtoWriter(out).bytes(number, value, kAlways);
  return out;
}
inline std::string double_field(std::uint32_t number, double value) {
  std::string out;
  ProtoWriter(out).float64(number, value, kAlways);
  return out;
}
inline std::string packed_field(std::uint32_t number, std::initializer_list<std::uint64_t> values) {
  std::string packed;
  for (const std::uint64_t value : values) ProtoWriter(packed).raw_varint(value);
  return bytes_field(number, packed);
}
// A map<string, X> entry in field `number`; `choice` is the encoded X.
inline std::string map_field(std::uint32_t number, std::string_view key, std::string_view choice) {
  return bytes_field(number, bytes_field(1, key) + bytes_field(2, choice));
}

// InferParameter.
inline std::string bool_param(bool value) { return varint_field(1, value ? 1 : 0); }
inline std::string int64_param(std::int64_t value) {
  return varint_field(2, static_cast<std::uint64_t>(value));
}
inline std::string string_param(std::string_view value) { return bytes_field(3, value); }
inline std::string double_param(double value) { return double_field(4, value); }
inline std::string uint64_param(std::uint64_t value) { return varint_field(5, value); }

// An InferInputTensor of ModelInferRequest; `more` is appended to it.
inline std::string input_field(std::string_view name, std::string_view datatype,
                               std::initializer_list<std::uint64_t> shape,
                               const std::string& more = {}) {
  return bytes_field(
      5, bytes_field(1, name) + bytes_field(2, datatype) + packed_field(3, shape) + more);
}
inline std::string contents(const std::string& lists) { return bytes_field(5, lists); }
inline std::string raw_field(std::string_view data) { return bytes_field(7, data); }

inline std::string float_text(std::initializer_list<float> values) {
  std::string text;
  for (const float value : values) {
    text.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  return text;
}

}  // namespace tfe::testing
