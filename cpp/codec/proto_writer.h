// Writes protobuf messages. Fields in the order of the calls; scalars with their default value are
// left out unless `always`: members of oneofs have presence.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "codec/proto_reader.h"

namespace tfe::codec {

class ProtoWriter {
 public:
  enum class Presence : std::uint8_t { kImplicit, kAlways };

  explicit ProtoWriter(std::string& out) : out_(out) {}

  void varint(std::uint32_t number, std::uint64_t value, Presence presence = Presence::kImplicit);
  void int64(std::uint32_t number, std::int64_t value, Presence presence = Presence::kImplicit) {
    varint(number, static_cast<std::uint64_t>(value), presence);
  }
  void boolean(std::uint32_t number, bool value, Presence presence = Presence::kImplicit) {
    varint(number, value ? 1 : 0, presence);
  }
  void float32(std::uint32_t number, float value, Presence presence = Presence::kImplicit);
  void float64(std::uint32_t number, double value, Presence presence = Presence::kImplicit);
  // Strings, bytes and encoded sub-messages. Strings must be UTF-8; see sanitize_utf8().
  void bytes(std::uint32_t number, std::string_view value, Presence presence = Presence::kImplicit);
  // The beginning of a bytes field whose `size` bytes the caller adds elsewhere.
  void bytes_header(std::uint32_t number, std::size_t size);
  void raw_varint(std::uint64_t value);
  void tag(std::uint32_t number, Wire wire) { raw_varint(field_key(number, wire)); }

 private:
  std::string& out_;
};

// Bytes of the varint.
std::size_t varint_size(std::uint64_t value);

// The text with every broken sequence replaced by U+FFFD: one bad byte in a string field makes
// clients refuse the whole message.
std::string sanitize_utf8(std::string_view text);

}  // namespace tfe::codec
