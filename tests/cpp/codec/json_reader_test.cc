#include "codec/json_reader.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "codec/padded.h"

namespace tfe::codec {
namespace {

using namespace std::string_literals;
using base::Code;
using base::Status;

// Reads {"v": <text>} and hands the value to `read`, whose Result is returned through finish().
template <typename Read>
auto read_value(std::string_view text, Read read) -> decltype(read(std::declval<JsonValue>())) {
  const Padded padded("{\"v\":" + std::string(text) + "}");
  JsonReader reader(padded.view());
  decltype(read(std::declval<JsonValue>())) result;
  auto status = reader.each_member([&](std::string_view, JsonValue value) -> Status {
    result = read(value);
    if (!result) return std::unexpected(result.error());
    return {};
  });
  if (status = reader.finish(std::move(status)); !status) return std::unexpected(status.error());
  return result;
}

base::Result<std::string> as_string(std::string_view text) {
  return read_value(text, [](JsonValue value) -> base::Result<std::string> {
    auto result = value.string();
    if (!result) return std::unexpected(result.error());
    return std::string(*result);
  });
}
auto as_unsigned(std::string_view text) {
  return read_value(text, [](JsonValue value) { return value.unsigned_integer(); });
}
auto as_signed(std::string_view text) {
  return read_value(text, [](JsonValue value) { return value.signed_integer(); });
}
auto as_number(std::string_view text) {
  return read_value(text, [](JsonValue value) { return value.number(); });
}
auto as_bool(std::string_view text) {
  return read_value(text, [](JsonValue value) { return value.boolean(); });
}

// The whole document, looked at and nothing else.
Status check(std::string_view text, char filler = ']') {
  const Padded padded(text, filler);
  JsonReader reader(padded.view());
  return reader.finish({});
}

std::string error_of(const auto& result) { return result ? "" : result.error().message; }

constexpr const char* kPrefix = "failed to parse the request JSON buffer: ";

TEST(JsonReader, Accessors) {
  EXPECT_EQ(as_string(R"("a\u00e9\n")"), "a\xC3\xA9\n");
  EXPECT_EQ(as_unsigned("18446744073709551615"), 18446744073709551615U);
  EXPECT_EQ(as_signed("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(as_number("12"), 12.0);
  EXPECT_EQ(as_number("123456789.123456789"), 123456789.123456789);
  EXPECT_EQ(as_number("18446744073709551616"), 18446744073709551616.0);
  EXPECT_EQ(as_number("1e-400"), 0.0);
  EXPECT_EQ(as_bool("true"), true);
  EXPECT_EQ(as_bool(" false "), false);
}

TEST(JsonReader, WrongTypesHaveTritonsTexts) {
  for (const char* text : {"1", "null", "true", "[\"a\"]", "{}"}) {
    EXPECT_EQ(error_of(as_string(text)), "attempt to access JSON non-string as string") << text;
  }
  for (const char* text : {"0", "1", "null", "\"true\"", "[]"}) {
    EXPECT_EQ(error_of(as_bool(text)), "attempt to access JSON non-boolean as boolean") << text;
  }
  for (const char* text : {"-1", "1.0", "1e3", "18446744073709551616", "\"1\"", "null", "NaN"}) {
    EXPECT_EQ(error_of(as_unsigned(text)),
              "attempt to access JSON non-unsigned-integer as unsigned-integer")
        << text;
  }
  for (const char* text : {"9223372036854775808", "1.5", "true", "{}", "-Infinity"}) {
    EXPECT_EQ(error_of(as_signed(text)),
              "attempt to access JSON non-signed-integer as signed-integer")
        << text;
  }
  for (const char* text : {"\"1\"", "null", "true", "[1]"}) {
    EXPECT_EQ(error_of(as_number(text)), "attempt to access JSON non-number as double") << text;
  }
}

TEST(JsonReader, NotANumberAndInfinityAreNumbers) {
  EXPECT_TRUE(std::isnan(*as_number("NaN")));
  EXPECT_EQ(as_number("Inf"), HUGE_VAL);
  EXPECT_EQ(as_number("-Inf"), -HUGE_VAL);
  EXPECT_EQ(as_number(" Infinity "), HUGE_VAL);
  EXPECT_EQ(as_number("-Infinity"), -HUGE_VAL);
  for (const char* text : {"nan", "inf", "+Inf", "Infinity1", "NaNa", "-"}) {
    EXPECT_TRUE(error_of(as_number(text)).starts_with(kPrefix)) << text;
  }
}

TEST(JsonReader, MalformedTokensAreMalformedWhateverWasAskedFor) {
  for (const char* text :
       {"01", "1.", ".5", "+1", "0x1", "1e", "tru", "truee", "nul", "'a'", "1a"}) {
    EXPECT_TRUE(error_of(as_unsigned(text)).starts_with(kPrefix) ||
                error_of(as_unsigned(text)).starts_with("attempt"))
        << text;
    EXPECT_TRUE(error_of(check("{\"v\":" + std::string(text) + "}")).starts_with(kPrefix)) << text;
  }
  EXPECT_EQ(error_of(as_number("1e400")), kPrefix + "Number too big to be stored in double. at 5"s);
}

TEST(JsonReader, MalformedDocuments) {
  EXPECT_EQ(error_of(check("")), kPrefix + "The document is empty. at 0"s);
  EXPECT_EQ(error_of(check(" \n ")), kPrefix + "The document is empty. at 0"s);
  EXPECT_EQ(error_of(check("garbage")), kPrefix + "Invalid value. at 0"s);
  for (const char filler : {']', '}', ' ', '"', '\0'}) {
    for (const char* text : {"{",
                             "[",
                             "{\"a\"",
                             "{\"a\":",
                             "{\"a\":1",
                             "{\"a\":1,",
                             "{\"a\":1,}",
                             "{\"a\" 1}",
                             "{a:1}",
                             "{\"a\":[1,2}",
                             "{\"a\":[1 2]}",
                             "{\"a\":1 \"b\":2}",
                             "[1,]",
                             "{\"a\":\"x}",
                             "{\"a\":\"\\x\"}",
                             "{\"a\":\"\\ud800\"}",
                             "{\"a\":\"\n\"}",
                             "{}}",
                             "{} {}",
                             "{}x",
                             "[]]",
                             "{\"a\":1}/**/",
                             "1 2",
                             "\"a\"b",
                             "{,}",
                             "[,]",
                             "{\"a\":{}",
                             "nulll",
                             "{\"a\":[[1]}",
                             "{\"a\":1]",
                             "[1}"}) {
      const Status status = check(text, filler);
      EXPECT_TRUE(error_of(status).starts_with(kPrefix)) << text << " -> " << error_of(status);
      ASSERT_FALSE(status) << text;
      EXPECT_EQ(status.error().code, Code::kInternal) << text;
    }
  }
}

TEST(JsonReader, WellFormedDocuments) {
  for (const char* text : {"{}", " { } ", "[]", "[[],[{}]]", "1", "-1.5e3", "\"a\"", "true", "null",
                           "NaN", "{\"a\":{\"b\":[1,\"x\",null,true,-Infinity]}}"}) {
    EXPECT_TRUE(check(text)) << text << " -> " << error_of(check(text));
  }
}

TEST(JsonReader, InvalidUtf8IsRefused) {
  const Status status = check("{\"a\":\"\xff\"}");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kInvalidArgument);
  EXPECT_NE(status.error().message.find("not valid UTF-8"), std::string::npos);
}

TEST(JsonReader, ByteOrderMarkAndTrailingNulsAreDropped) {
  EXPECT_TRUE(check("\xEF\xBB\xBF{}\0\0"s));
  EXPECT_TRUE(error_of(check("{}\0x"s)).starts_with(kPrefix));
}

TEST(JsonReader, MembersComeInOrderAndMayRepeat) {
  const Padded padded(R"({"b":1,"a\u0062":2,"b":{"x":[1,{"y":2}]},"":3})");
  JsonReader reader(padded.view());
  std::string keys;
  const auto status = reader.each_member([&](std::string_view key, JsonValue) -> Status {
    keys += std::string(key) + ";";
    return {};
  });
  EXPECT_TRUE(reader.finish(status));
  EXPECT_EQ(keys, "b;ab;b;;");
}

TEST(JsonReader, GoesOnAfterAnErrorOfType) {
  const Padded padded(R"({"a":{"deep":[[1,"x"],2]},"b":[1,2,3],"c":"end"})");
  JsonReader reader(padded.view());
  std::string end;
  auto status = reader.each_member([&](std::string_view key, JsonValue value) -> Status {
    if (key == "a") {
      // Left in the middle of a nested array.
      EXPECT_FALSE(value.each_member([](std::string_view, JsonValue inner) {
        return inner.each_element([](JsonValue element) {
          return element.each_element([](JsonValue leaf) -> Status {
            if (auto text = leaf.string(); !text) return std::unexpected(text.error());
            return {};
          });
        });
      }));
    } else if (key == "b") {
      EXPECT_FALSE(value.string());
      EXPECT_FALSE(value.boolean());
    } else {
      end = *value.string();
    }
    return {};
  });
  EXPECT_TRUE(reader.finish(status));
  EXPECT_EQ(end, "end");
}

TEST(JsonReader, MalformedWinsOverWhatTheCallerMadeOfIt) {
  const Padded padded(R"({"a":1,"b":[1,,2]})");
  JsonReader reader(padded.view());
  auto status = reader.each_member([&](std::string_view, JsonValue value) -> Status {
    (void)value.each_element([](JsonValue element) -> Status { return element.validate(); });
    return {};
  });
  EXPECT_FALSE(status);
  status = reader.finish(base::fail(Code::kInvalidArgument, "mine"));
  EXPECT_TRUE(error_of(status).starts_with(kPrefix));
}

TEST(JsonReader, OtherRootsHaveNoMembers) {
  for (const char* text : {"[]", "5", "\"x\"", "null", "[{\"a\":1}]"}) {
    const Padded padded(text);
    JsonReader reader(padded.view());
    const auto none = [](std::string_view, JsonValue) -> Status {
      ADD_FAILURE();
      return {};
    };
    EXPECT_TRUE(reader.finish(reader.each_member(none))) << text;
    JsonReader strict(padded.view());
    EXPECT_EQ(error_of(strict.finish(strict.each_member(none, true))),
              "attempt to get members for non-object");
  }
}

TEST(JsonReader, NestingWithoutBoundIsSkippedNotDescended) {
  const std::string deep(250'000, '[');
  const std::string closed(250'000, ']');
  const Padded padded("{\"ready\":" + deep + closed + ",\"b\":1}");
  JsonReader reader(padded.view());
  std::string errors;
  auto status = reader.each_member([&](std::string_view key, JsonValue value) -> Status {
    if (key == "ready") errors = error_of(value.boolean());
    return value.validate();
  });
  EXPECT_TRUE(reader.finish(status));
  EXPECT_EQ(errors, "attempt to access JSON non-boolean as boolean");
}

TEST(JsonReader, ArrayTextCanBeReadLater) {
  const Padded padded(R"({"data": [1, [2, 3]] , "x": 1})");
  JsonReader reader(padded.view());
  std::string_view text;
  auto status = reader.each_member([&](std::string_view key, JsonValue value) -> Status {
    if (key == "data") text = *value.array_text();
    return {};
  });
  ASSERT_TRUE(reader.finish(status));
  EXPECT_EQ(text, "[1, [2, 3]]");
  JsonReader later(text);
  int elements = 0;
  EXPECT_TRUE(later.finish(later.root_array().each_element([&](JsonValue) -> Status {
    ++elements;
    return {};
  })));
  EXPECT_EQ(elements, 2);
}

TEST(JsonReader, ReadersMayBeNested) {
  const Padded outer(R"({"a":"x","b":"y"})");
  JsonReader reader(outer.view());
  std::string all;
  auto status = reader.each_member([&](std::string_view, JsonValue value) -> Status {
    const std::string_view text = *value.string();
    EXPECT_TRUE(check(R"({"other":["document"]})"));
    all += text;
    return {};
  });
  EXPECT_TRUE(reader.finish(status));
  EXPECT_EQ(all, "xy");
}

TEST(JsonReader, EveryPrefixOfADocumentIsRefused) {
  const std::string text = R"({"id":"a\"b","inputs":[{"shape":[1,-2.5e3],"data":[true,null]}]} )";
  for (std::size_t size = 0; size + 2 < text.size(); ++size) {
    for (const char filler : {']', '}', '\0'}) {
      EXPECT_FALSE(check(text.substr(0, size), filler)) << size;
    }
  }
}

TEST(JsonReader, CountsElementsBeforeTheyAreVisited) {
  const auto count = [](std::string_view text) {
    return read_value(text, [](JsonValue value) -> base::Result<std::size_t> {
      auto counted = value.count_elements();
      if (!counted) return counted;
      std::size_t visited = 0;
      auto status = value.each_element([&](JsonValue element) {
        ++visited;
        return element.validate();
      });
      if (!status) return std::unexpected(status.error());
      EXPECT_EQ(visited, *counted);
      return counted;
    });
  };
  EXPECT_EQ(count("[]"), 0u);
  EXPECT_EQ(count("[1]"), 1u);
  EXPECT_EQ(count("[[1,2],{\"a\":[3]},\"x\",null]"), 4u);
  EXPECT_EQ(count("5").error().message, "attempt to access JSON non-array as array");
  EXPECT_TRUE(count("[1,2").error().message.starts_with("failed to parse the request JSON"));
}

}  // namespace
}  // namespace tfe::codec
