// Reads protobuf messages field by field, as views into the message; never throws, never copies.
//
// The rules of the wire format that every decoder here relies on: unknown fields and known fields
// of an unexpected wire type are skipped (switch on key()), groups included; the last of several
// values of a singular field wins; repeated scalars come packed, unpacked or mixed. A malformed
// message ends next() and sets failed().
//
// Its own parser and not protozero's, because that throws, and takes no groups.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"

namespace tfe::codec {

enum class Wire : std::uint8_t {
  kVarint = 0,
  kFixed64 = 1,
  kBytes = 2,
  kStartGroup = 3,
  kEndGroup = 4,
  kFixed32 = 5,
};

// Field number and wire type as they stand in a tag; what decoders switch on.
constexpr std::uint32_t field_key(std::uint32_t number, Wire wire) {
  return number << 3 | static_cast<std::uint32_t>(wire);
}

class ProtoReader {
 public:
  explicit ProtoReader(base::Bytes message);

  // Moves to the next field; groups are skipped. False at the end or when the message is malformed.
  bool next();
  bool failed() const { return failed_; }
  // Ends reading as malformed; for decoders that find a value wrong.
  void fail();

  std::uint32_t key() const { return key_; }
  std::uint32_t number() const { return key_ >> 3; }
  Wire wire() const { return static_cast<Wire>(key_ & 7); }

  // The value of the current field; each is meaningful for its own wire type only.
  std::uint64_t number_value() const { return value_; }  // varint, fixed32, fixed64
  base::Bytes bytes() const { return bytes_; }
  std::int64_t int64() const { return static_cast<std::int64_t>(value_); }
  std::int32_t int32() const {
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(value_));
  }
  std::uint32_t uint32() const { return static_cast<std::uint32_t>(value_); }
  bool boolean() const { return value_ != 0; }
  double float64() const;
  // A field of type string: fails the message if it is not UTF-8.
  std::string_view text();

  // Where the current field's bytes() begin in the message.
  std::size_t offset() const { return static_cast<std::size_t>(bytes_.data() - begin_); }

 private:
  bool read_varint(std::uint64_t& value);
  bool read_tag();
  bool read_value();
  bool skip_group();

  const std::byte* begin_;
  const std::byte* at_;
  const std::byte* end_;
  std::uint32_t key_ = 0;
  std::uint64_t value_ = 0;
  base::Bytes bytes_;
  bool failed_ = false;
};

// The varints of a packed field.
class PackedVarints {
 public:
  explicit PackedVarints(base::Bytes packed) : rest_(packed) {}
  bool next(std::uint64_t& value);
  bool failed() const { return failed_; }
  // How many there are, if the field is well-formed.
  static std::size_t count(base::Bytes packed);

 private:
  base::Bytes rest_;
  bool failed_ = false;
};

bool valid_utf8(std::string_view text);

}  // namespace tfe::codec
