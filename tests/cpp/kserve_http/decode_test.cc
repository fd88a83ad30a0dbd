// Inference requests from JSON and binary: every rule and its text.
#include <gtest/gtest.h>

#include <cmath>

#include "kserve_http/decoding.h"

namespace tfe::kserve_http {
namespace {

using namespace std::string_literals;
using triton::DataType;

TEST(DecodeInfer, EverythingAtOnce) {
  const auto result = decode(R"({"id":"r1","model_name":"ignored",
      "parameters":{"sequence_id":7,"sequence_start":true,"sequence_end":true,"priority":3,
                    "timeout":1000,"binary_data_output":true,"a":1,"b":"x","c":false,"d":1.5,
                    "e":18446744073709551615,"headers":"h","":2},
      "inputs":[{"name":"i","shape":[2],"datatype":"FP32","data":[1,2.5]}],
      "outputs":[{"name":"o","parameters":{"classification":2,"binary_data":true}},{"name":"p"}]})");
  ASSERT_TRUE(result) << result.error().message;
  const kserve::InferRequest& request = result->request;
  EXPECT_EQ(request.model, "m");
  EXPECT_EQ(request.version, -1);
  EXPECT_EQ(request.id, "r1");
  EXPECT_EQ(std::get<std::uint64_t>(request.sequence_id), 7u);
  EXPECT_EQ(request.flags, 3u);
  EXPECT_EQ(request.priority, 3u);
  EXPECT_EQ(request.timeout_us, 1000u);
  ASSERT_EQ(request.parameters.size(), 7u);
  EXPECT_EQ(std::get<std::int64_t>(request.parameters[0].value), 1);
  EXPECT_EQ(std::get<std::string>(request.parameters[1].value), "x");
  EXPECT_EQ(std::get<bool>(request.parameters[2].value), false);
  EXPECT_EQ(std::get<double>(request.parameters[3].value), 1.5);
  EXPECT_EQ(std::get<double>(request.parameters[4].value), 18446744073709551615.0);
  EXPECT_EQ(request.parameters[5].name, "headers");
  EXPECT_EQ(request.parameters[6].name, "");
  ASSERT_EQ(request.inputs.size(), 1u);
  EXPECT_EQ(request.inputs[0].datatype, DataType::kFp32);
  EXPECT_EQ(request.inputs[0].shape, triton::Shape{2});
  EXPECT_EQ(elements<float>(request.inputs[0]), (std::vector<float>{1, 2.5}));
  ASSERT_EQ(request.outputs.size(), 2u);
  EXPECT_EQ(request.outputs[0].classification, 2u);
  EXPECT_TRUE(result->outputs.is_binary("o"));
  // Listed without binary_data is JSON, whatever the default says.
  EXPECT_FALSE(result->outputs.is_binary("p"));
}

TEST(DecodeInfer, MemberOrderIsIrrelevant) {
  const auto result = decode(R"({"outputs":[{"parameters":{"binary_data":true},"name":"o"}],
      "inputs":[{"data":[[1],[2]],"shape":[2,1],"datatype":"INT8","name":"i"},
                {"parameters":{"binary_data_size":2},"datatype":"INT16","name":"j","shape":[1]}],
      "parameters":{"a":1},"id":"last"})",
                             "\x01\x02");
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->request.id, "last");
  EXPECT_EQ(elements<std::int8_t>(result->request.inputs[0]), (std::vector<std::int8_t>{1, 2}));
  EXPECT_EQ(elements<std::int16_t>(result->request.inputs[1]), std::vector<std::int16_t>{0x0201});
  EXPECT_TRUE(result->outputs.is_binary("o"));
}

TEST(DecodeInfer, FirstOfRepeatedMembersWins) {
  const auto result =
      decode(R"({"id":"1","id":2,"parameters":{"a":1,"a":2,"priority":1,"priority":2},
      "inputs":[{"name":"i","name":"j","shape":[1],"shape":[9],"datatype":"INT8","data":[1],
                 "data":[2,3]}],"inputs":5,"outputs":[],"outputs":7})");
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->request.id, "1");
  EXPECT_EQ(result->request.priority, 1u);
  ASSERT_EQ(result->request.parameters.size(), 1u);
  EXPECT_EQ(std::get<std::int64_t>(result->request.parameters[0].value), 1);
  EXPECT_EQ(result->request.inputs[0].name, "i");
  EXPECT_EQ(elements<std::int8_t>(result->request.inputs[0]), std::vector<std::int8_t>{1});
  EXPECT_TRUE(result->request.outputs.empty());
}

TEST(DecodeInfer, TopLevelErrors) {
  EXPECT_ERROR(error_of("{"), Code::kInternal, error_of("{").message);
  EXPECT_TRUE(error_of("{").message.starts_with("failed to parse the request JSON buffer: "));
  EXPECT_TRUE(
      error_of("{\"inputs\":[]} x").message.starts_with("failed to parse the request JSON"));
  EXPECT_ERROR(error_of(""), Code::kInternal,
               "failed to parse the request JSON buffer: The document is empty. at 0");
  for (const char* text : {"{}", "[]", "5", "\"inputs\"", "null", "{\"input\":[]}"}) {
    EXPECT_ERROR(error_of(text), Code::kInternal,
                 "Unable to parse 'inputs': attempt to access non-existing object member 'inputs'");
  }
  EXPECT_ERROR(error_of(R"({"inputs":{}})"), Code::kInternal,
               "Unable to parse 'inputs': attempt to access JSON non-array as array");
  for (const char* id : {"null", "1"}) {
    EXPECT_ERROR(error_of("{\"id\":"s + id + ",\"inputs\":[]}"), Code::kInternal,
                 "Unable to parse 'id': attempt to access JSON non-string as string");
  }
  for (const char* parameters : {"null", "[1]"}) {
    EXPECT_ERROR(error_of("{\"parameters\":"s + parameters + ",\"inputs\":[]}"), Code::kInternal,
                 "failed to get request params.: attempt to get members for non-object");
  }
  EXPECT_ERROR(error_of(R"({"inputs":[],"outputs":null})"), Code::kInternal,
               "Unable to parse 'outputs': attempt to access JSON non-array as array");
  EXPECT_TRUE(decode(R"({"inputs":[],"outputs":[]})"));
}

TEST(DecodeInfer, ErrorsComeInTheOrderOfTheRules) {
  // Everything is wrong; members are given in the opposite order.
  EXPECT_EQ(error_of(R"({"outputs":1,"inputs":1,"parameters":1,"id":1})").message,
            "Unable to parse 'id': attempt to access JSON non-string as string");
  EXPECT_EQ(error_of(R"({"outputs":1,"inputs":1,"parameters":1})").message,
            "failed to get request params.: attempt to get members for non-object");
  EXPECT_EQ(error_of(R"({"outputs":1,"inputs":1})").message,
            "Unable to parse 'inputs': attempt to access JSON non-array as array");
  EXPECT_EQ(error_of(R"({"outputs":1,"inputs":[]})", "x").message,
            "unexpected additional input data for model 'm'");
  EXPECT_TRUE(error_of(R"({"outputs":1,"inputs":1,"parameters":1,"id":1)")
                  .message.starts_with("failed to parse the request JSON buffer: "));
}

TEST(DecodeInfer, OneSourceOfData) {
  const std::string start =
      "Input must set only one of the following fields: 'data', 'binary_data_size' in "
      "'parameters', 'shared_memory_region' in 'parameters'. But";
  EXPECT_ERROR(input_error(R"("name":5)"), Code::kInvalidArgument, start + " no field is set");
  EXPECT_ERROR(error_of(R"({"inputs":[5]})"), Code::kInvalidArgument, start + " no field is set");
  EXPECT_ERROR(input_error(R"("data":null,"parameters":{"binary_data_size":"x"})"),
               Code::kInvalidArgument, start + " set 'data' 'binary_data_size'");
  EXPECT_ERROR(
      input_error(R"("data":[],"parameters":{"shared_memory_region":1,"binary_data_size":1})"),
      Code::kInvalidArgument, start + " set 'data' 'binary_data_size' 'shared_memory_region'");
  // Parameters that are no object are ignored, and so are unknown ones.
  EXPECT_ERROR(input_error(R"("parameters":[{"binary_data_size":1}])"), Code::kInvalidArgument,
               start + " no field is set");
  EXPECT_TRUE(decode(R"({"inputs":[{"name":"i","shape":[1],"datatype":"BOOL","data":[true],
      "parameters":{"x":[],"shared_memory_offset":"?"}}]})"));
}

TEST(DecodeInfer, InputFields) {
  EXPECT_ERROR(input_error(R"("data":[])"), Code::kInternal,
               "Unable to parse 'name': attempt to access non-existing object member 'name'");
  EXPECT_ERROR(input_error(R"("data":[],"name":1)"), Code::kInternal,
               "Unable to parse 'name': attempt to access JSON non-string as string");
  EXPECT_ERROR(
      input_error(R"("data":[],"name":"i")"), Code::kInternal,
      "Unable to parse 'datatype': attempt to access non-existing object member 'datatype'");
  EXPECT_ERROR(input_error(R"("data":[],"name":"i","datatype":"FP32")"), Code::kInternal,
               "Unable to parse 'shape': attempt to access non-existing object member 'shape'");
  for (const char* dim : {"-1", "1.5", "\"1\"", "null"}) {
    EXPECT_ERROR(data_error("FP32", "["s + dim + "]", "[]"), Code::kInternal,
                 "Unable to parse 'shape': attempt to access JSON non-unsigned-integer as "
                 "unsigned-integer");
  }
  EXPECT_ERROR(data_error("FP32", "3", "[]"), Code::kInternal,
               "Unable to parse 'shape': attempt to access JSON non-array as array");
  for (const char* type : {"STRING", "fp32", ""}) {
    EXPECT_ERROR(data_error(type, "[1]", "[1]"), Code::kInvalidArgument,
                 "invalid datatype for input i");
  }
}

TEST(DecodeInfer, BinaryInputsInOrder) {
  const std::string json = R"({"inputs":[
      {"name":"a","shape":[2],"datatype":"UINT8","parameters":{"binary_data_size":2}},
      {"name":"b","shape":[1],"datatype":"UINT8","data":[9]},
      {"name":"c","shape":[0],"datatype":"UINT8","parameters":{"binary_data_size":0}},
      {"name":"d","shape":[1],"datatype":"UINT8","parameters":{"binary_data_size":1}}]})";
  const auto result = decode(json, "xyz");
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(base::as_text(result->request.inputs[0].data), "xy");
  EXPECT_TRUE(result->request.inputs[2].data.empty());
  EXPECT_EQ(base::as_text(result->request.inputs[3].data), "z");
  EXPECT_ERROR(error_of(json, "x"), Code::kInvalidArgument,
               "unexpected size for input 'a', expecting 1 additional bytes for model 'm'");
  EXPECT_ERROR(error_of(json, "wxyz"), Code::kInvalidArgument,
               "unexpected additional input data for model 'm'");
  EXPECT_ERROR(input_error(R"("name":"i","datatype":"UINT8","shape":[1],
                              "parameters":{"binary_data_size":-1})"),
               Code::kInternal,
               "Unable to parse 'binary_data_size': attempt to access JSON non-unsigned-integer as "
               "unsigned-integer");
  EXPECT_EQ(input_error(R"("name":"i","datatype":"UINT8","shape":[1],
                           "parameters":{"binary_data_size":18446744073709551615})",
                        "x")
                .code,
            Code::kInvalidArgument);
}

TEST(DecodeInfer, BinaryViewsPointIntoTheBody) {
  auto block = std::make_shared<std::string>(
      R"({"inputs":[{"name":"a","shape":[1],"datatype":"UINT8","parameters":{"binary_data_size":1}}]})");
  const std::size_t json = block->size();
  *block += "x" + std::string(codec::JsonReader::kPadding, ' ');
  const base::Bytes all = base::as_bytes(*block);
  const auto result = decode_infer("m", 3, {all.first(json), all.subspan(json, 1), block}, {});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->request.inputs[0].data.data(), all.data() + json);
  EXPECT_EQ(result->request.memory.at(0), block);
  EXPECT_EQ(result->request.version, 3);
}

TEST(DecodeInfer, SharedMemoryReferences) {
  const auto result = decode(R"({"inputs":[{"name":"a","shape":[1],"datatype":"UINT8","parameters":
      {"shared_memory_region":"r","shared_memory_offset":4,"shared_memory_byte_size":1}}],
      "outputs":[{"name":"o","parameters":{"shared_memory_region":"r","binary_data":false}}]})");
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->request.inputs[0].shared_memory->region, "r");
  EXPECT_EQ(result->request.inputs[0].shared_memory->offset, 4u);
  EXPECT_EQ(result->request.inputs[0].shared_memory->byte_size, 1u);
  EXPECT_EQ(result->request.outputs[0].shared_memory->byte_size, 0u);
  EXPECT_ERROR(input_error(R"("name":"a","shape":[1],"datatype":"UINT8","parameters":
      {"shared_memory_region":"r","shared_memory_offset":"4"})"),
               Code::kInternal,
               "Unable to parse 'shared_memory_offset': attempt to access JSON "
               "non-unsigned-integer as unsigned-integer");
}

base::Error output_error(std::string_view output) {
  return error_of("{\"inputs\":[],\"outputs\":[" + std::string(output) + "]}");
}

TEST(DecodeInfer, Outputs) {
  for (const char* output : {"5", "{}", "[]"}) {
    EXPECT_ERROR(output_error(output), Code::kInternal,
                 "Unable to parse 'name': attempt to access non-existing object member 'name'");
  }
  EXPECT_ERROR(output_error(R"({"name":"o","parameters":{"binary_data":1}})"), Code::kInternal,
               "Unable to parse 'binary_data': attempt to access JSON non-boolean as boolean");
  EXPECT_ERROR(output_error(R"({"name":"o","parameters":{"classification":-1}})"), Code::kInternal,
               "Unable to set 'classification': attempt to access JSON non-unsigned-integer as "
               "unsigned-integer");
  EXPECT_ERROR(output_error(R"({"parameters":{"classification":1,"shared_memory_region":"r"}})"),
               Code::kInvalidArgument,
               "Output can't set both 'shared_memory_region' and 'classification'");
  EXPECT_ERROR(
      output_error(R"({"name":"o","parameters":{"binary_data":true,"shared_memory_region":"r"}})"),
      Code::kInvalidArgument, "Output can't set both 'shared_memory_region' and 'binary_data'");
  EXPECT_ERROR(
      output_error(R"({"name":"o","parameters":{"binary_data":1,"shared_memory_region":"r"}})"),
      Code::kInternal,
      "Unable to set 'binary_data': attempt to access JSON non-boolean as boolean");
}

base::Error parameter_error(std::string_view members) {
  return error_of("{\"inputs\":[],\"parameters\":{" + std::string(members) + "}}");
}

TEST(DecodeInfer, Parameters) {
  for (const char* id : {"-1", "1.5", "true", "null"}) {
    EXPECT_ERROR(parameter_error("\"sequence_id\":"s + id), Code::kInternal,
                 "Unable to parse 'sequence_id': attempt to access JSON non-string as string");
  }
  EXPECT_ERROR(parameter_error(R"("sequence_end":1)"), Code::kInternal,
               "Unable to parse 'sequence_end': attempt to access JSON non-boolean as boolean");
  EXPECT_ERROR(parameter_error(R"("timeout":1.0)"), Code::kInternal,
               "Unable to parse 'timeout': attempt to access JSON non-unsigned-integer as "
               "unsigned-integer");
  EXPECT_ERROR(
      parameter_error(R"("binary_data_output":"true")"), Code::kInternal,
      "Unable to parse 'binary_data_output': attempt to access JSON non-boolean as boolean");
  EXPECT_ERROR(parameter_error(R"("triton_x":1)"), Code::kInvalidArgument,
               "parameter keys starting with 'triton_' are reserved for Triton usage and should "
               "not be specified.");
  for (const char* value : {"null", "[1]", "{}"}) {
    EXPECT_ERROR(parameter_error("\"a\":"s + value), Code::kInvalidArgument,
                 "parameter 'a' has invalid type. It should be either 'int', 'bool', or 'string'.");
  }
  // The first in member order is told.
  EXPECT_EQ(parameter_error(R"("a":null,"sequence_id":-1)").code, Code::kInvalidArgument);
  const auto text = decode(R"({"inputs":[],"parameters":{"sequence_id":"abc","x":NaN}})");
  ASSERT_TRUE(text);
  EXPECT_EQ(std::get<std::string>(text->request.sequence_id), "abc");
  EXPECT_TRUE(std::isnan(std::get<double>(text->request.parameters[0].value)));
}

TEST(DecodeInfer, CountsAreBounded) {
  Options options;
  options.max_tensors = 2;
  options.max_parameters = 1;
  const std::string output = R"({"name":"o"})";
  EXPECT_EQ(error_of("{\"inputs\":[],\"outputs\":[" + output + "," + output + "," + output + "]}",
                     "", options)
                .message,
            "request has more than 2 outputs");
  EXPECT_EQ(error_of(R"({"inputs":[],"parameters":{"a":1,"b":2}})", "", options).message,
            "request has more than 1 parameters");
  // Looking for each repetition among all others would take the square of their number.
  EXPECT_EQ(error_of(R"({"inputs":[],"parameters":{"a":1,"a":2,"a":3}})", "", options).message,
            "request has more than 1 parameters");
}

TEST(DecodeInfer, RawRequest) {
  auto owner = std::make_shared<int>();
  const DecodedInfer raw = raw_infer("m", 2, base::as_bytes("abc"), owner);
  EXPECT_EQ(base::as_text(*raw.request.raw_input), "abc");
  EXPECT_TRUE(raw.outputs.is_binary("anything"));
  EXPECT_EQ(raw.request.memory.size(), 1u);
}

// Whatever is cut off or changed, decoding ends with an answer.
TEST(DecodeInfer, DamagedRequests) {
  const std::string json = R"({"id":"x","parameters":{"a":1.5,"b":[{}]},"inputs":[{"data":[[1,2],)"
                           R"([3,"\u0041"]],"name":"i","shape":[2,2],"datatype":"FP32"},{"name":)"
                           R"("j","parameters":{"binary_data_size":3}}],"outputs":[{"name":"o"}]})";
  for (std::size_t i = 0; i < json.size(); ++i) {
    (void)decode(json.substr(0, i), "]}]");
    for (const char c : {'"', '[', ']', '{', '}', ',', ':', '\\', '-', 'x', '\0', '\xff'}) {
      std::string damaged = json;
      damaged[i] = c;
      (void)decode(damaged, "]}]");
    }
  }
}

}  // namespace
}  // namespace tfe::kserve_http
