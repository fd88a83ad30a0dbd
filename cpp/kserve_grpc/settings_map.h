// Settings on the wire: requests and responses whose field 1 is map<string, SettingValue>.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "codec/proto_reader.h"
#include "codec/proto_writer.h"

namespace tfe::kserve_grpc {

inline constexpr std::uint32_t kSettingEntry = codec::field_key(1, codec::Wire::kBytes);

// Visits the fields of one entry's values (there is one, or several that are merged) after its key
// is known; false if the entry is malformed.
template <typename Visit>
bool read_setting(base::Bytes entry, Visit visit) {
  using codec::field_key;
  using codec::Wire;
  std::string_view key;
  codec::ProtoReader keys(entry);
  while (keys.next()) {
    if (keys.key() == field_key(1, Wire::kBytes)) key = keys.text();
  }
  if (keys.failed()) return false;
  visit(key, nullptr);
  codec::ProtoReader values(entry);
  while (values.next()) {
    if (values.key() != field_key(2, Wire::kBytes)) continue;
    codec::ProtoReader value(values.bytes());
    while (value.next()) visit(key, &value);
    if (value.failed()) return false;
  }
  return !values.failed();
}

// Adds an entry to a response; `value` is an encoded SettingValue.
inline void write_setting(std::string& response, std::string_view key, std::string_view value) {
  constexpr auto kAlways = codec::ProtoWriter::Presence::kAlways;
  std::string entry;
  codec::ProtoWriter(entry).bytes(1, key, kAlways);
  codec::ProtoWriter(entry).bytes(2, value, kAlways);
  codec::ProtoWriter(response).bytes(1, entry, kAlways);
}

}  // namespace tfe::kserve_grpc
