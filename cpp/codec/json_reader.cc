#include "codec/json_reader.h"

#include <utility>

#include "codec/json_number.h"

namespace tfe::codec {
namespace {

using base::Code;
using base::Error;

// A parser keeps tables of several bytes per byte of its largest document. Each thread keeps one
// for ordinary requests; a larger document, or one read while another is open, gets its own.
constexpr std::size_t kKeptCapacity = 256 * 1024;

std::shared_ptr<simdjson::ondemand::parser> take_parser(std::size_t size) {
  thread_local auto kept = std::make_shared<simdjson::ondemand::parser>();
  if (size <= kKeptCapacity && kept.use_count() == 1) return kept;
  return std::make_shared<simdjson::ondemand::parser>();
}

std::string_view strip(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  while (!text.empty() && text.back() == '\0') text.remove_suffix(1);
  return text;
}

JsonType type_of(char first) {
  switch (first) {
    case '{':
      return JsonType::kObject;
    case '[':
      return JsonType::kArray;
    case '"':
      return JsonType::kString;
    case 't':
    case 'f':
      return JsonType::kBool;
    case 'n':
      return JsonType::kNull;
    case '-':
    case 'N':
    case 'I':
      return JsonType::kNumber;
    default:
      return first >= '0' && first <= '9' ? JsonType::kNumber : JsonType::kInvalid;
  }
}

std::string_view reason_of(simdjson::error_code error) {
  switch (error) {
    case simdjson::EMPTY:
      return "The document is empty.";
    case simdjson::UTF8_ERROR:
      return "The text is not valid UTF-8.";
    case simdjson::UNCLOSED_STRING:
      return "Missing a closing quotation mark in string.";
    case simdjson::STRING_ERROR:
      return "Invalid escape in string.";
    case simdjson::UNESCAPED_CHARS:
      return "Unescaped control character in string.";
    case simdjson::INCOMPLETE_ARRAY_OR_OBJECT:
      return "Unbalanced brackets.";
    case simdjson::TAPE_ERROR:
      return "Missing separator, name or bracket.";
    case simdjson::CAPACITY:
    case simdjson::MEMALLOC:
      return "Not enough memory for the document.";
    default:
      return "Invalid value.";
  }
}

}  // namespace

JsonReader::JsonReader(std::string_view text)
    : text_(strip(text)), parser_(take_parser(text_.size())) {
  const std::size_t first = text_.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) {
    malformed(simdjson::EMPTY);
    return;
  }
  const simdjson::padded_string_view padded(text_.data(), text_.size(), text_.size() + kPadding);
  if (const auto error = parser_->iterate(padded).get(document_)) {
    malformed(error);
    return;
  }
  root_type_ = type_of(text_[first]);
  // On-Demand reads an unclosed root into what its parser indexed for an earlier document.
  const char last = text_[text_.find_last_not_of(" \t\r\n")];
  if ((root_type_ == JsonType::kObject && last != '}') ||
      (root_type_ == JsonType::kArray && last != ']')) {
    malformed(simdjson::INCOMPLETE_ARRAY_OR_OBJECT);
    return;
  }
  if (root_type_ != JsonType::kObject && root_type_ != JsonType::kArray) check_scalar_root();
}

JsonReader::~JsonReader() = default;

// Nobody reads a document that is a lone scalar, so it is only checked. Its text is its one token.
void JsonReader::check_scalar_root() {
  visited_ = true;
  std::string_view token = text_.substr(text_.find_first_not_of(" \t\r\n"));
  token = token.substr(0, token.find_last_not_of(" \t\r\n") + 1);
  bool valid = false;
  if (root_type_ == JsonType::kString) {
    std::string_view unused;
    const char* rest = nullptr;
    valid = document_.get_string().get(unused) == simdjson::SUCCESS &&
            document_.current_location().get(rest) == simdjson::OUT_OF_BOUNDS;
  } else if (root_type_ == JsonType::kNumber) {
    valid = is_number_token(token);
  } else {
    valid = token == "true" || token == "false" || token == "null";
  }
  if (!valid) malformed("Invalid value.");
}

JsonValue JsonReader::root() {
  simdjson::ondemand::value value;
  if (const auto error = document_.get_value().get(value)) malformed(error);
  return JsonValue(*this, value);
}

base::Status JsonReader::finish(base::Status decoded) {
  if (!error_ && !decoded) {
    // The caller stopped at a wrong value; malformed JSON further on is still the first thing to
    // tell. Reading it all anew costs time only where the request fails anyway.
    if (auto status = JsonReader(text_).finish({}); !status) return status;
    return decoded;
  }
  if (!error_ && !visited_) {
    visited_ = true;
    // The caller looked at the type only, as the rules for it allow. Still no reason to accept
    // noise.
    (void)root().validate();
  }
  const bool container = root_type_ == JsonType::kObject || root_type_ == JsonType::kArray;
  if (!error_ && container) {
    const char* rest = nullptr;
    if (document_.current_location().get(rest) == simdjson::SUCCESS) {
      malformed("The document root must not be followed by other values.");
    }
  }
  if (error_) return std::unexpected(*error_);
  return decoded;
}

std::size_t JsonReader::offset() {
  const char* location = nullptr;
  if (root_type_ == JsonType::kInvalid) return 0;
  if (document_.current_location().get(location) != simdjson::SUCCESS) return text_.size();
  return static_cast<std::size_t>(location - text_.data());
}

Error JsonReader::malformed(simdjson::error_code error) {
  Error result = malformed(reason_of(error));
  if (error == simdjson::UTF8_ERROR) error_->code = result.code = Code::kInvalidArgument;
  return result;
}

Error JsonReader::malformed(std::string_view reason) {
  if (!error_) {
    error_ =
        Error{Code::kInternal, "failed to parse the request JSON buffer: " + std::string(reason) +
                                   " at " + std::to_string(offset())};
    root_type_ = JsonType::kInvalid;
  }
  return *error_;
}

std::string_view JsonValue::token() {
  const std::string_view raw = value_.raw_json_token();
  return raw.substr(0, raw.find_last_not_of(" \t\r\n") + 1);
}

JsonType JsonValue::type() {
  if (reader_->failed()) return JsonType::kInvalid;
  const std::string_view raw = value_.raw_json_token();
  return raw.empty() ? JsonType::kInvalid : type_of(raw.front());
}

// A value that is no JSON at all is malformed, whatever type was asked for.
Error JsonValue::wrong_type(std::string_view message) {
  // There may be no value to look at: the document ended before it.
  if (reader_->failed()) return reader_->malformed(message);
  const JsonType actual = type();
  const std::string_view text = token();
  const bool broken = actual == JsonType::kInvalid ||
                      (actual == JsonType::kNull && text != "null") ||
                      (actual == JsonType::kBool && text != "true" && text != "false");
  if (broken) return reader_->malformed("Invalid value.");
  return Error{Code::kInternal, std::string(message)};
}

base::Result<std::string_view> JsonValue::string() {
  if (type() != JsonType::kString) {
    return std::unexpected(wrong_type("attempt to access JSON non-string as string"));
  }
  std::string_view text;
  if (const auto error = value_.get_string().get(text)) {
    return std::unexpected(reader_->malformed(error));
  }
  return text;
}

base::Result<bool> JsonValue::boolean() {
  if (type() != JsonType::kBool) {
    return std::unexpected(wrong_type("attempt to access JSON non-boolean as boolean"));
  }
  bool value = false;
  if (value_.get_bool().get(value)) return std::unexpected(reader_->malformed("Invalid value."));
  return value;
}

base::Result<std::uint64_t> JsonValue::unsigned_integer() {
  std::uint64_t value = 0;
  if (type() == JsonType::kNumber) {
    if (value_.get_uint64().get(value) == simdjson::SUCCESS) return value;
    if (!is_number_token(token())) return std::unexpected(reader_->malformed("Invalid value."));
  }
  return std::unexpected(
      wrong_type("attempt to access JSON non-unsigned-integer as unsigned-integer"));
}

base::Result<std::int64_t> JsonValue::signed_integer() {
  std::int64_t value = 0;
  if (type() == JsonType::kNumber) {
    if (value_.get_int64().get(value) == simdjson::SUCCESS) return value;
    if (!is_number_token(token())) return std::unexpected(reader_->malformed("Invalid value."));
  }
  return std::unexpected(wrong_type("attempt to access JSON non-signed-integer as signed-integer"));
}

base::Result<double> JsonValue::number() {
  if (type() != JsonType::kNumber) {
    return std::unexpected(wrong_type("attempt to access JSON non-number as double"));
  }
  double value = 0;
  if (value_.get_double().get(value) == simdjson::SUCCESS) return value;
  // Not JSON, or beyond what On-Demand reads: the tokens for infinities and not-a-number.
  const std::string_view text = token();
  if (const auto parsed = parse_json_double(text)) return *parsed;
  return std::unexpected(reader_->malformed(
      is_json_number(text) ? "Number too big to be stored in double." : "Invalid value."));
}

base::Status JsonValue::validate(int depth) {
  const auto each = [depth](JsonValue value) -> base::Status {
    return depth < kValidatedDepth ? value.validate(depth + 1) : base::Status();
  };
  switch (type()) {
    case JsonType::kObject:
      return each_member([&](std::string_view, JsonValue value) { return each(value); });
    case JsonType::kArray:
      return each_element(each);
    case JsonType::kString:
      if (auto text = string(); !text) return std::unexpected(text.error());
      return {};
    case JsonType::kBool:
      if (auto flag = boolean(); !flag) return std::unexpected(flag.error());
      return {};
    case JsonType::kNumber:
      if (auto parsed = number(); !parsed) return std::unexpected(parsed.error());
      return {};
    case JsonType::kNull:
      if (token() == "null") return {};
      return std::unexpected(reader_->malformed("Invalid value."));
    case JsonType::kInvalid:
      return std::unexpected(reader_->malformed("Invalid value."));
  }
  return {};
}

base::Result<std::size_t> JsonValue::count_elements() {
  if (type() != JsonType::kArray) {
    return std::unexpected(wrong_type("attempt to access JSON non-array as array"));
  }
  std::size_t count = 0;
  if (const auto error = value_.count_elements().get(count)) {
    return std::unexpected(reader_->malformed(error));
  }
  return count;
}

base::Result<std::string_view> JsonValue::array_text() {
  simdjson::ondemand::array array;
  std::string_view text;
  if (type() != JsonType::kArray) {
    return std::unexpected(wrong_type("attempt to access JSON non-array as array"));
  }
  if (const auto error = value_.get_array().get(array)) {
    return std::unexpected(reader_->malformed(error));
  }
  if (const auto error = array.raw_json().get(text)) {
    return std::unexpected(reader_->malformed(error));
  }
  return text.substr(0, text.find_last_not_of(" \t\r\n,") + 1);
}

}  // namespace tfe::codec
