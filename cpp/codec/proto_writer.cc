#include "codec/proto_writer.h"

#include <bit>
#include <protozero/buffer_string.hpp>
#include <protozero/varint.hpp>

namespace tfe::codec {
namespace {

template <typename T>
void append_fixed(std::string& out, T value) {
  static_assert(std::endian::native == std::endian::little);
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// Length of the UTF-8 sequence that `text` begins with, 0 if it is broken (Unicode, table 3-7).
std::size_t sequence_length(std::string_view text) {
  const auto byte = [text](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  for (std::size_t at = 1; at < length; ++at) {
    if ((byte(at) & 0xC0) != 0x80) return 0;
  }
  const unsigned second = byte(1);
  const bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  const bool beyond = (first == 0xED && second > 0x9F) || (first == 0xF4 && second > 0x8F);
  return overlong || beyond ? 0 : length;
}

}  // namespace

void ProtoWriter::raw_varint(std::uint64_t value) { protozero::add_varint_to_buffer(&out_, value); }

void ProtoWriter::varint(std::uint32_t number, std::uint64_t value, Presence presence) {
  if (value == 0 && presence == Presence::kImplicit) return;
  tag(number, Wire::kVarint);
  raw_varint(value);
}

// Only positive zero is the default: the sign of -0.0 is kept.
void ProtoWriter::float32(std::uint32_t number, float value, Presence presence) {
  if (std::bit_cast<std::uint32_t>(value) == 0 && presence == Presence::kImplicit) return;
  tag(number, Wire::kFixed32);
  append_fixed(out_, value);
}

void ProtoWriter::float64(std::uint32_t number, double value, Presence presence) {
  if (std::bit_cast<std::uint64_t>(value) == 0 && presence == Presence::kImplicit) return;
  tag(number, Wire::kFixed64);
  append_fixed(out_, value);
}

void ProtoWriter::bytes(std::uint32_t number, std::string_view value, Presence presence) {
  if (value.empty() && presence == Presence::kImplicit) return;
  bytes_header(number, value.size());
  out_.append(value);
}

void ProtoWriter::bytes_header(std::uint32_t number, std::size_t size) {
  tag(number, Wire::kBytes);
  raw_varint(size);
}

std::size_t varint_size(std::uint64_t value) {
  return static_cast<std::size_t>(protozero::length_of_varint(value));
}

std::string sanitize_utf8(std::string_view text) {
  if (valid_utf8(text)) return std::string(text);
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  std::string clean;
  clean.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    clean.append(length > 0 ? text.substr(0, length) : kReplacement);
    text.remove_prefix(length > 0 ? length : 1);
  }
  return clean;
}

}  // namespace tfe::codec
