// Helpers to read the members of a JSON object that may come in any order: each value is taken when
// it is met, its error kept, and the rules are applied in their own order afterwards.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/status.h"
#include "codec/json_reader.h"

namespace tfe::kserve_http {

// Absent, wrong, or a value. The first occurrence of a repeated member wins.
template <typename T>
using Field = std::optional<base::Result<T>>;

inline base::Error with_context(std::string_view context, const base::Error& error) {
  return {error.code, std::string(context) + error.message};
}

// "Unable to parse '<name>': <error>"
inline base::Error unable_to_parse(std::string_view name, const base::Error& error) {
  return with_context("Unable to parse '" + std::string(name) + "': ", error);
}

inline base::Error missing_member(std::string_view name) {
  return {base::Code::kInternal,
          "attempt to access non-existing object member '" + std::string(name) + "'"};
}

// Strings outlive the reader's buffer only as copies.
inline base::Result<std::string> own_string(codec::JsonValue value) {
  auto text = value.string();
  if (!text) return std::unexpected(std::move(text).error());
  return std::string(*text);
}

// The value of a member that must be there.
template <typename T>
base::Status required(const Field<T>& field, std::string_view name) {
  if (!field) return std::unexpected(unable_to_parse(name, missing_member(name)));
  if (!*field) return std::unexpected(unable_to_parse(name, field->error()));
  return {};
}

// The value of a member that may be absent.
template <typename T>
base::Status optional_field(const Field<T>& field, std::string_view name) {
  if (field && !*field) return std::unexpected(unable_to_parse(name, field->error()));
  return {};
}

// A reference into shared memory, as inputs and outputs name it in their parameters.
struct SharedMemoryFields {
  Field<std::string> region;
  Field<std::uint64_t> offset;
  Field<std::uint64_t> byte_size;

  // Whether the member was one of these.
  bool take(std::string_view key, codec::JsonValue value);
  base::Status check() const;
};

}  // namespace tfe::kserve_http
