// Reads a JSON document in one forward pass, on simdjson On-Demand.
//
// Values are visited in document order, each at most once, through each_member() and
// each_element(); a value that is not read is skipped. Two kinds of errors are kept apart: a wrong
// type or range is returned to the caller, who may add context and go on with the next member;
// malformed JSON is remembered by the reader, ends every loop, and is what finish() returns
// whatever the caller did.
//
// Beyond JSON the tokens NaN, Inf and Infinity are numbers (Triton's clients send them); a leading
// byte order mark and trailing NULs are dropped. Text must be valid UTF-8. Strings are views into
// the reader. One reader per document; not shared between threads.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace tfe::codec {

class JsonReader;

enum class JsonType : std::uint8_t { kNull, kBool, kNumber, kString, kArray, kObject, kInvalid };

class JsonValue {
 public:
  JsonValue(JsonReader& reader, simdjson::ondemand::value value)
      : reader_(&reader), value_(value) {}

  // By the first character alone: a value of type kNumber may still be malformed.
  JsonType type();

  // Fail with kInternal and the text that Triton gives, e.g. "attempt to access JSON non-string as
  // string".
  base::Result<std::string_view> string();
  base::Result<bool> boolean();
  // Integer literals only: 1.0 and 1e3 are not integers.
  base::Result<std::uint64_t> unsigned_integer();
  base::Result<std::int64_t> signed_integer();
  base::Result<double> number();

  // The value if it reads as T (bool, uint64, int64 or double), without a reason if it does not:
  // for long arrays, where the accessors above are asked only about the elements that failed.
  template <typename T>
  bool try_get(T& out) {
    return value_.get<T>().get(out) == simdjson::SUCCESS;
  }

  // `each(JsonValue) -> base::Status`; its first error ends the loop and is returned.
  template <typename Each>
  base::Status each_element(Each each);
  // Elements of an array, before it is visited: a pass of its own over the array.
  base::Result<std::size_t> count_elements();
  // `each(std::string_view key, JsonValue) -> base::Status`. Keys may repeat.
  template <typename Each>
  base::Status each_member(Each each);

  // Checks a value that nobody wants for being JSON. Below a depth of kValidatedDepth only its
  // brackets are looked at.
  base::Status validate(int depth = 0);
  static constexpr int kValidatedDepth = 64;

  // The value's text, for reading it later with a reader of its own. Arrays only.
  base::Result<std::string_view> array_text();

 private:
  std::string_view token();
  base::Error wrong_type(std::string_view message);

  JsonReader* reader_;
  simdjson::ondemand::value value_;
};

class JsonReader {
 public:
  // Readable bytes that must follow the text; their contents do not matter.
  static constexpr std::size_t kPadding = simdjson::SIMDJSON_PADDING;

  explicit JsonReader(std::string_view text);
  JsonReader(const JsonReader&) = delete;
  JsonReader& operator=(const JsonReader&) = delete;
  ~JsonReader();

  // kInvalid after an error of syntax.
  JsonType root_type() const { return root_type_; }
  // Members of the root. Any other root has none: nothing is called, unless `required`, which makes
  // it "attempt to get members for non-object".
  template <typename Each>
  base::Status each_member(Each each, bool required = false);
  // The root of a document that is an array (root_type() == kArray).
  JsonValue root_array() {
    visited_ = true;
    return root();
  }

  // Call last. `decoded` is what the caller made of the document.
  base::Status finish(base::Status decoded);

  // For JsonValue: remembers malformed JSON; returns it as an error.
  base::Error malformed(simdjson::error_code error);
  base::Error malformed(std::string_view reason);
  bool failed() const { return error_.has_value(); }

 private:
  JsonValue root();
  void check_scalar_root();
  std::size_t offset();

  std::string_view text_;
  std::shared_ptr<simdjson::ondemand::parser> parser_;
  simdjson::ondemand::document document_;
  JsonType root_type_ = JsonType::kInvalid;
  bool visited_ = false;
  std::optional<base::Error> error_;
};

template <typename Each>
base::Status JsonValue::each_element(Each each) {
  if (type() != JsonType::kArray) {
    return std::unexpected(wrong_type("attempt to access JSON non-array as array"));
  }
  simdjson::ondemand::array array;
  if (const auto error = value_.get_array().get(array)) {
    return std::unexpected(reader_->malformed(error));
  }
  for (auto element : array) {
    simdjson::ondemand::value value;
    if (const auto error = std::move(element).get(value)) {
      return std::unexpected(reader_->malformed(error));
    }
    if (auto status = each(JsonValue(*reader_, value)); !status) return status;
    if (reader_->failed()) return reader_->finish({});
  }
  return {};
}

template <typename Each>
base::Status JsonValue::each_member(Each each) {
  if (type() != JsonType::kObject) {
    return std::unexpected(wrong_type("attempt to access JSON non-object as object"));
  }
  simdjson::ondemand::object object;
  if (const auto error = value_.get_object().get(object)) {
    return std::unexpected(reader_->malformed(error));
  }
  for (auto result : object) {
    simdjson::ondemand::field field;
    std::string_view key;
    if (const auto error = std::move(result).get(field)) {
      return std::unexpected(reader_->malformed(error));
    }
    if (const auto error = field.unescaped_key().get(key)) {
      return std::unexpected(reader_->malformed(error));
    }
    if (auto status = each(key, JsonValue(*reader_, field.value())); !status) return status;
    if (reader_->failed()) return reader_->finish({});
  }
  return {};
}

template <typename Each>
base::Status JsonReader::each_member(Each each, bool required) {
  if (failed()) return finish({});
  if (root_type_ == JsonType::kObject) {
    visited_ = true;
    return root().each_member(std::move(each));
  }
  if (required) return base::fail(base::Code::kInternal, "attempt to get members for non-object");
  return {};
}

}  // namespace tfe::codec
