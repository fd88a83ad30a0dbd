#include "codec/proto_reader.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace tfe::codec {
namespace {

constexpr int kMaxVarintBytes = 10;
// Nesting of groups that is skipped; protobuf's own limit.
constexpr int kMaxGroupDepth = 100;
// Protobuf's limit of a message and of every length in it.
constexpr std::uint64_t kMaxLength = 2'147'483'647;

// False if no varint is complete before `end`.
bool decode_varint(const std::byte*& at, const std::byte* end, std::uint64_t& value) {
  value = 0;
  const std::byte* cursor = at;
  for (int index = 0; index < kMaxVarintBytes && cursor != end; ++index) {
    const auto byte = std::to_integer<std::uint64_t>(*cursor++);
    value |= (byte & 0x7F) << (7 * index);
    if (byte < 0x80) {
      at = cursor;
      return true;
    }
  }
  return false;
}

// Fixed values are little-endian, as every machine that Triton runs on.
template <typename T>
T load(const std::byte* at) {
  static_assert(std::endian::native == std::endian::little);
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

}  // namespace

ProtoReader::ProtoReader(base::Bytes message)
    : begin_(message.data()), at_(message.data()), end_(message.data() + message.size()) {}

bool ProtoReader::next() {
  while (at_ != end_) {
    if (!read_tag() || !read_value()) {
      fail();
      return false;
    }
    if (wire() != Wire::kStartGroup) return true;
  }
  return false;
}

void ProtoReader::fail() {
  failed_ = true;
  at_ = end_;
}

bool ProtoReader::read_varint(std::uint64_t& value) { return decode_varint(at_, end_, value); }

bool ProtoReader::read_tag() {
  std::uint64_t tag = 0;
  if (!read_varint(tag) || tag > UINT32_MAX) return false;
  key_ = static_cast<std::uint32_t>(tag);
  return number() != 0;
}

bool ProtoReader::read_value() {
  const auto left = static_cast<std::uint64_t>(end_ - at_);
  switch (wire()) {
    case Wire::kVarint:
      return read_varint(value_);
    case Wire::kFixed64:
      if (left < 8) return false;
      value_ = load<std::uint64_t>(at_);
      at_ += 8;
      return true;
    case Wire::kFixed32:
      if (left < 4) return false;
      value_ = load<std::uint32_t>(at_);
      at_ += 4;
      return true;
    case Wire::kBytes: {
      std::uint64_t length = 0;
      if (!read_varint(length) || length > kMaxLength) return false;
      if (length > static_cast<std::uint64_t>(end_ - at_)) return false;
      bytes_ = {at_, static_cast<std::size_t>(length)};
      at_ += length;
      return true;
    }
    case Wire::kStartGroup:
      return skip_group();
    case Wire::kEndGroup:
      return false;
  }
  return false;
}

// Skips to the end of the group just begun; afterwards key() is that of the start again.
bool ProtoReader::skip_group() {
  std::array<std::uint32_t, kMaxGroupDepth> open{};
  std::size_t depth = 0;
  open[depth++] = key_;
  while (depth > 0) {
    if (!read_tag()) return false;
    if (wire() == Wire::kStartGroup) {
      if (depth == open.size()) return false;
      open[depth++] = key_;
    } else if (wire() == Wire::kEndGroup) {
      // An end must name the group that is open.
      if (key_ >> 3 != open[--depth] >> 3) return false;
      key_ = open[depth];
    } else if (!read_value()) {
      return false;
    }
  }
  return true;
}

double ProtoReader::float64() const { return std::bit_cast<double>(value_); }

std::string_view ProtoReader::text() {
  const std::string_view text = base::as_text(bytes_);
  if (!valid_utf8(text)) fail();
  return text;
}

bool PackedVarints::next(std::uint64_t& value) {
  if (rest_.empty()) return false;
  const std::byte* at = rest_.data();
  const std::byte* end = at + rest_.size();
  if (!decode_varint(at, end, value)) {
    failed_ = true;
    rest_ = {};
    return false;
  }
  rest_ = {at, end};
  return true;
}

std::size_t PackedVarints::count(base::Bytes packed) {
  return static_cast<std::size_t>(std::ranges::count_if(
      packed, [](std::byte byte) { return std::to_integer<unsigned>(byte) < 0x80; }));
}

bool valid_utf8(std::string_view text) {
  const bool ascii =
      std::ranges::all_of(text.substr(0, std::min<std::size_t>(text.size(), 64)),
                          [](char byte) { return static_cast<unsigned char>(byte) < 0x80; });
  if (ascii && text.size() <= 64) return true;
  return simdjson::validate_utf8(text.data(), text.size());
}

}  // namespace tfe::codec
