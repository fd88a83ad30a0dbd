#include "kserve_http/generate_request.h"

#include <gtest/gtest.h>

#include "kserve_http/decoding.h"
#include "kserve_http/model_inputs.h"

namespace tfe::kserve_http {
namespace {

using triton::DataType;
using triton::Shape;

const std::vector<ModelInput> kInputs = {{"text", DataType::kBytes, {1}},
                                         {"n", DataType::kInt32, {-1}},
                                         {"grid", DataType::kFp32, {-1, 2, -1, 3}},
                                         {"fixed", DataType::kFp32, {2, 2}}};

base::Result<kserve::InferRequest> generate(std::string json, const Options& options = {},
                                            const std::vector<ModelInput>& inputs = kInputs) {
  const std::size_t size = json.size();
  json.append(codec::JsonReader::kPadding, ']');
  return decode_generate("m", -1, inputs, base::as_bytes(json).first(size), options);
}

base::Error generate_error(std::string json, const Options& options = {},
                           const std::vector<ModelInput>& inputs = kInputs) {
  const auto request = generate(std::move(json), options, inputs);
  return request ? base::Error{Code::kUnknown, "no error"} : request.error();
}

std::string bytes_of(const kserve::Input& input) { return std::string(base::as_text(input.data)); }

TEST(GenerateRequest, InputsAndParameters) {
  const auto request = generate(
      R"({"text":"hi","n":[1,2],"s":"x","i":-1,"d":1.5,"b":true,"id":"r1","parameters":{"t":2}})");
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->id, "r1");
  ASSERT_EQ(request->inputs.size(), 2u);
  EXPECT_EQ(request->inputs[0].name, "text");
  EXPECT_EQ(request->inputs[0].shape, Shape{1});
  EXPECT_EQ(bytes_of(request->inputs[0]), std::string("\2\0\0\0hi", 6));
  EXPECT_EQ(request->inputs[1].datatype, DataType::kInt32);
  EXPECT_EQ(request->inputs[1].shape, Shape{2});
  EXPECT_EQ(elements<std::int32_t>(request->inputs[1]), (std::vector<std::int32_t>{1, 2}));
  const auto& parameters = request->parameters;
  ASSERT_EQ(parameters.size(), 6u);
  EXPECT_EQ(std::get<std::string>(parameters[0].value), "x");
  EXPECT_EQ(std::get<std::int64_t>(parameters[1].value), -1);
  EXPECT_EQ(std::get<double>(parameters[2].value), 1.5);
  EXPECT_EQ(std::get<bool>(parameters[3].value), true);
  EXPECT_EQ(parameters[4].name, "id");
  EXPECT_EQ(std::get<std::string>(parameters[4].value), "r1");
  EXPECT_EQ(parameters[5].name, "t");
}

TEST(GenerateRequest, ShapeFollowsTheCount) {
  const auto shape = [](std::string_view values) {
    const auto request = generate("{\"grid\":" + std::string(values) + "}");
    return request ? request->inputs.at(0).shape : Shape{-1};
  };
  EXPECT_EQ(shape("[1,2,3,4,5,6]"), (Shape{1, 2, 1, 3}));
  EXPECT_EQ(shape("[1,2,3,4,5,6,7,8,9,10,11,12]"), (Shape{1, 2, 2, 3}));
  EXPECT_EQ(shape("[]"), (Shape{1, 2, 0, 3}));
  EXPECT_EQ(generate(R"({"fixed":[1,2,3,4]})")->inputs.at(0).shape, (Shape{2, 2}));
  EXPECT_EQ(generate(R"({"n":7})")->inputs.at(0).shape, Shape{1});
  EXPECT_EQ(generate(R"({"n":[]})")->inputs.at(0).shape, Shape{0});
  EXPECT_TRUE(generate(R"({"n":[]})")->inputs.at(0).data.empty());
  const std::string misfit = "The schema can not convert input '";
  for (const char* grid : {"[1,2,3,4,5]", "1", "[1]"}) {
    EXPECT_ERROR(generate_error("{\"grid\":" + std::string(grid) + "}"), Code::kInvalidArgument,
                 misfit + "grid' to tensor with proper shape");
  }
  for (const char* fixed : {"[1,2]", "[1,2,3,4,5,6,7,8]", "[]"}) {
    EXPECT_ERROR(generate_error("{\"fixed\":" + std::string(fixed) + "}"), Code::kInvalidArgument,
                 misfit + "fixed' to tensor with proper shape");
  }
}

TEST(GenerateRequest, ValuesOfTheWrongKind) {
  EXPECT_ERROR(generate_error(R"({"n":"x"})"), Code::kInternal,
               "Unable to parse 'data': attempt to access JSON non-signed-integer as "
               "signed-integer");
  EXPECT_ERROR(generate_error(R"({"n":[[1,2],[3]]})"), Code::kInternal,
               "Unable to parse 'data': Shape does not match true shape of 'data' field");
  EXPECT_ERROR(generate_error(R"({"text":7})"), Code::kInternal,
               "Unable to parse JSON bytes array: attempt to access JSON non-string as string");
  EXPECT_ERROR(generate_error(R"({"text":null})"), Code::kInternal,
               "Unable to parse JSON bytes array: attempt to access JSON non-string as string");
  EXPECT_ERROR(generate_error(R"({"n":1e400})"), Code::kInternal,
               "failed to parse the request JSON buffer: Number too big to be stored in double. "
               "at 5");
  for (const char* value : {"null", "[1]", "{}"}) {
    EXPECT_ERROR(generate_error("{\"p\":" + std::string(value) + "}"), Code::kInvalidArgument,
                 "parameter 'p' has invalid type. It should be either 'int', 'bool', or 'string'.");
  }
  EXPECT_ERROR(generate_error(R"({"id":5})"), Code::kInternal,
               "Unable to parse 'id': attempt to access JSON non-string as string");
}

TEST(GenerateRequest, NestedParameters) {
  const auto request = generate(R"({"parameters":{"n":[4],"x":1,"id":"inner"}})");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->inputs.at(0).name, "n");
  EXPECT_EQ(request->id, "");
  EXPECT_EQ(request->parameters.at(1).name, "id");
  EXPECT_ERROR(generate_error(R"({"parameters":[]})"), Code::kInternal,
               "Expected JSON object for keyword: 'parameters': attempt to access JSON non-object "
               "as object");
  EXPECT_ERROR(generate_error(R"({"parameters":{"parameters":{}}})"), Code::kInvalidArgument,
               "Converting keyword: 'parameters': parameter 'parameters' has invalid type. It "
               "should be either 'int', 'bool', or 'string'.");
  EXPECT_ERROR(generate_error(R"({"parameters":{}})", {}, {{"parameters", DataType::kInt8, {-1}}}),
               Code::kInvalidArgument,
               "Keyword 'parameters' for nested schema also given as input tensor name");
}

TEST(GenerateRequest, ProtocolParametersAreSetAndPassedOn) {
  const auto request =
      generate(R"({"parameters":{"sequence_id":18446744073709551615,"sequence_start":true,)"
               R"("sequence_end":true,"priority":2,"timeout":1000,"triton_x":1}})");
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(std::get<std::uint64_t>(request->sequence_id), ~std::uint64_t{0});
  EXPECT_EQ(request->flags, triton::kSequenceStart | triton::kSequenceEnd);
  EXPECT_EQ(request->priority, 2u);
  EXPECT_EQ(request->timeout_us, 1000u);
  EXPECT_EQ(request->parameters.size(), 6u);
  EXPECT_EQ(std::get<std::int64_t>(request->parameters[3].value), 2);
  const auto text = generate(R"({"parameters":{"sequence_id":"abc","sequence_start":false}})");
  EXPECT_EQ(std::get<std::string>(text->sequence_id), "abc");
  EXPECT_EQ(text->flags, 0u);
  // Of another type, or at the top, they are the model's alone.
  for (const char* json :
       {R"({"parameters":{"sequence_id":-1,"priority":"high","timeout":1.5,"sequence_start":1}})",
        R"({"sequence_id":5,"priority":1,"timeout":2,"sequence_start":true})"}) {
    const auto custom = generate(json);
    ASSERT_TRUE(custom);
    EXPECT_EQ(custom->sequence_id.index(), 0u);
    EXPECT_EQ(custom->flags, 0u);
    EXPECT_EQ(custom->priority, 0u);
    EXPECT_EQ(custom->timeout_us, 0u);
    EXPECT_EQ(custom->parameters.size(), 4u);
  }
}

TEST(GenerateRequest, IdMayBeAnInput) {
  const auto request = generate(R"({"id":"a\"b"})", {}, {{"id", DataType::kBytes, {-1}}});
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->id, "a\"b");
  EXPECT_TRUE(request->parameters.empty());
  EXPECT_EQ(bytes_of(request->inputs.at(0)), std::string("\3\0\0\0a\"b", 7));
}

TEST(GenerateRequest, RepeatedKeys) {
  // The first parameter counts; an input given twice is for the core to refuse.
  const auto request = generate(R"({"p":1,"p":2,"n":1,"parameters":{"n":2,"p":3}})");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->parameters.size(), 1u);
  EXPECT_EQ(std::get<std::int64_t>(request->parameters[0].value), 1);
  EXPECT_EQ(request->inputs.size(), 2u);
}

TEST(GenerateRequest, Documents) {
  EXPECT_ERROR(generate_error(""), Code::kInternal,
               "failed to parse the request JSON buffer: The document is empty. at 0");
  for (const char* root : {"[]", "1", "\"x\"", "null"}) {
    EXPECT_ERROR(generate_error(root), Code::kInternal, "attempt to get members for non-object");
  }
  EXPECT_TRUE(generate("{}"));
  EXPECT_TRUE(generate_error(R"({"p":null,)")
                  .message.starts_with("failed to parse the request JSON buffer: "));
}

TEST(GenerateRequest, Limits) {
  Options options;
  options.max_input_size = 64;
  EXPECT_ERROR(
      generate_error(R"({"n":[1,2,3,4,5,6,7,8,9,10],"parameters":{"n":[1,2,3,4,5,6,7]}})", options),
      Code::kInvalidArgument,
      "Converting keyword: 'parameters': request size of 68 bytes with input 'n' of size "
      "28 bytes exceeds the maximum allowed input size of 64. Use --http-max-input-size to "
      "increase the limit.");
  options.max_parameters = 1;
  EXPECT_ERROR(generate_error(R"({"a":1,"b":2})", options), Code::kInvalidArgument,
               "request has more than 1 parameters");
  // Looking for each repetition among all others would take the square of their number.
  EXPECT_ERROR(generate_error(R"({"a":1,"a":2,"parameters":{"a":3}})", options),
               Code::kInvalidArgument,
               "Converting keyword: 'parameters': request has more than 1 parameters");
  options.max_tensors = 1;
  EXPECT_ERROR(generate_error(R"({"n":1,"text":""})", options), Code::kInvalidArgument,
               "request has more than 1 inputs");
}

TEST(ModelInputs, FromMetadata) {
  const auto inputs = parse_model_inputs(
      R"({"name":"m","versions":["1"],"platform":"p","inputs":[{"name":"a","datatype":"BF16",)"
      R"("shape":[-1,3]},{"shape":[],"datatype":"BYTES","name":"b"}],"outputs":[{"name":"c"}]})");
  ASSERT_TRUE(inputs) << inputs.error().message;
  ASSERT_EQ(inputs->size(), 2u);
  EXPECT_EQ((*inputs)[0].name, "a");
  EXPECT_EQ((*inputs)[0].datatype, DataType::kBf16);
  EXPECT_EQ((*inputs)[0].shape, (Shape{-1, 3}));
  EXPECT_EQ((*inputs)[1].name, "b");
  EXPECT_FALSE(parse_model_inputs("{\"inputs\":[5]}"));
}

}  // namespace
}  // namespace tfe::kserve_http
