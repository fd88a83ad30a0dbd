// Decodes inference requests for tests, from text as it would lie in a body.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "codec/json_reader.h"
#include "kserve_http/infer_request.h"

namespace tfe::kserve_http {

using base::Code;

inline base::Result<DecodedInfer> decode(std::string_view json, std::string_view binary = "",
                                         const Options& options = {}) {
  // As on the wire: the binary bytes follow the JSON, and padding follows those.
  auto block = std::make_shared<std::string>(std::string(json) + std::string(binary) +
                                             std::string(codec::JsonReader::kPadding, ']'));
  const base::Bytes all = base::as_bytes(*block);
  return decode_infer(
      "m", -1, {all.first(json.size()), all.subspan(json.size(), binary.size()), block}, options);
}

// The error of a request with one input of these members.
inline base::Error input_error(std::string_view members, std::string_view binary = "") {
  const auto result = decode("{\"inputs\":[{" + std::string(members) + "}]}", binary);
  return result ? base::Error{Code::kUnknown, "no error"} : result.error();
}

inline base::Error error_of(std::string_view json, std::string_view binary = "",
                            const Options& options = {}) {
  const auto result = decode(json, binary, options);
  return result ? base::Error{Code::kUnknown, "no error"} : result.error();
}

#define EXPECT_ERROR(actual, expected_code, text) \
  do {                                            \
    const base::Error error_ = (actual);          \
    EXPECT_EQ(error_.message, text);              \
    EXPECT_EQ(error_.code, expected_code);        \
  } while (false)

template <typename T>
std::vector<T> elements(const kserve::Input& input) {
  std::vector<T> values(input.data.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), input.data.data(), input.data.size());
  return values;
}

template <typename T>
std::vector<T> decode_data_of(std::string_view datatype, std::string_view shape,
                              std::string_view data) {
  const auto result =
      decode("{\"inputs\":[{\"name\":\"i\",\"datatype\":\"" + std::string(datatype) +
             "\",\"shape\":" + std::string(shape) + ",\"data\":" + std::string(data) + "}]}");
  if (!result) {
    ADD_FAILURE() << result.error().message;
    return {};
  }
  return elements<T>(result->request.inputs.at(0));
}

inline base::Error data_error(std::string_view datatype, std::string_view shape,
                              std::string_view data) {
  return input_error("\"name\":\"i\",\"datatype\":\"" + std::string(datatype) +
                     "\",\"shape\":" + std::string(shape) + ",\"data\":" + std::string(data));
}

}  // namespace tfe::kserve_http
