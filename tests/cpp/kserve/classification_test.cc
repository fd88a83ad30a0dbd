#include "kserve/classification.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

namespace tfe::kserve {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using triton::DataType;
using triton::Shape;

template <typename T>
triton::OutputView view_of(const std::vector<T>& values, DataType type, const Shape& shape) {
  return {.name = "OUT",
          .datatype = type,
          .shape = shape,
          .data = std::as_bytes(std::span(values)),
          .place = {}};
}

std::string_view no_label(std::size_t) { return {}; }

std::vector<std::string> elements(const std::string& data) {
  std::vector<std::string> list;
  for (std::size_t at = 0; at < data.size();) {
    std::uint32_t length = 0;
    std::memcpy(&length, data.data() + at, sizeof(length));
    list.push_back(data.substr(at + sizeof(length), length));
    at += sizeof(length) + length;
  }
  return list;
}

TEST(ClassifyTest, BestFirstWithSixDecimals) {
  const std::vector<float> values = {0.5F, 3.3F, -1.0F, 1e-7F};
  const Shape shape = {4};
  const auto classes = classify(view_of(values, DataType::kFp32, shape), 3, false, no_label);
  ASSERT_TRUE(classes);
  EXPECT_THAT(elements(classes->data), ElementsAre("3.300000:1", "0.500000:0", "0.000000:3"));
  EXPECT_THAT(classes->shape, ElementsAre(3));
}

TEST(ClassifyTest, TiesKeepTheOrderOfTheIndex) {
  const std::vector<std::int32_t> values = {1, 2, 2, 1, 2};
  const Shape shape = {5};
  const auto classes = classify(view_of(values, DataType::kInt32, shape), 9, false, no_label);
  EXPECT_THAT(elements(classes->data), ElementsAre("2:1", "2:2", "2:4", "1:0", "1:3"));
}

TEST(ClassifyTest, LabelsFollowTheIndex) {
  const std::vector<float> values = {1, 5};
  const Shape shape = {2};
  const auto classes =
      classify(view_of(values, DataType::kFp32, shape), 2, false,
               [](std::size_t index) -> std::string_view { return index == 1 ? "banana" : ""; });
  EXPECT_THAT(elements(classes->data), ElementsAre("5.000000:1:banana", "1.000000:0"));
}

TEST(ClassifyTest, EachBatchRowIsRanked) {
  const std::vector<std::uint8_t> values = {1, 200, 3, 6, 5, 4};
  const Shape shape = {2, 3};
  const auto view = view_of(values, DataType::kUint8, shape);
  const auto rows = classify(view, 2, true, no_label);
  EXPECT_THAT(elements(rows->data), ElementsAre("200:1", "3:2", "6:0", "5:1"));
  EXPECT_THAT(rows->shape, ElementsAre(2, 2));
  const auto flat = classify(view, 2, false, no_label);
  EXPECT_THAT(elements(flat->data), ElementsAre("200:1", "6:3"));
  EXPECT_THAT(flat->shape, ElementsAre(2));
}

TEST(ClassifyTest, NegativeAndWideIntegersCompareInTheirType) {
  const std::vector<std::int8_t> small = {-128, 127, 0};
  const Shape shape = {3};
  EXPECT_THAT(elements(classify(view_of(small, DataType::kInt8, shape), 3, false, no_label)->data),
              ElementsAre("127:1", "0:2", "-128:0"));
  const std::vector<std::uint64_t> wide = {1, ~std::uint64_t{0}, 2};
  EXPECT_THAT(elements(classify(view_of(wide, DataType::kUint64, shape), 1, false, no_label)->data),
              ElementsAre("18446744073709551615:1"));
}

TEST(ClassifyTest, NaNRanksLast) {
  const std::vector<double> values = {std::nan(""), -INFINITY, 1, std::nan("")};
  const Shape shape = {4};
  const auto classes = classify(view_of(values, DataType::kFp64, shape), 4, false, no_label);
  EXPECT_THAT(elements(classes->data),
              ElementsAre("1.000000:2", "-inf:1", ::testing::EndsWith("nan:0"),
                          ::testing::EndsWith("nan:3")));
}

TEST(ClassifyTest, EmptyOutputsGiveEmptyResults) {
  const std::vector<float> none;
  const Shape flat = {0};
  const auto classes = classify(view_of(none, DataType::kFp32, flat), 3, false, no_label);
  ASSERT_TRUE(classes);
  EXPECT_THAT(classes->data, IsEmpty());
  EXPECT_THAT(classes->shape, ElementsAre(0));
  const Shape no_columns = {2, 0};
  EXPECT_THAT(classify(view_of(none, DataType::kFp32, no_columns), 3, true, no_label)->shape,
              ElementsAre(2, 0));
  const Shape no_rows = {0, 4};
  EXPECT_THAT(classify(view_of(none, DataType::kFp32, no_rows), 3, true, no_label)->shape,
              ElementsAre(0, 0));
}

TEST(ClassifyTest, TypesWithoutOrderAreRefusedByName) {
  const std::vector<std::uint8_t> values(8);
  const Shape shape = {2};
  for (const DataType type :
       {DataType::kBool, DataType::kFp16, DataType::kBf16, DataType::kBytes, DataType::kInvalid}) {
    const auto classes = classify(view_of(values, type, shape), 1, false, no_label);
    ASSERT_FALSE(classes);
    EXPECT_EQ(classes.error().code, base::Code::kInvalidArgument);
    EXPECT_EQ(classes.error().message,
              "class result not available for output due to unsupported type '" +
                  std::string(triton::datatype_name(type)) + "'");
  }
}

TEST(ClassifyTest, ALimitOnElementsPerRow) {
  std::vector<std::uint8_t> values(kMaxClassificationElements);
  values[77] = 1;
  const Shape at_limit = {static_cast<std::int64_t>(values.size())};
  EXPECT_THAT(
      elements(classify(view_of(values, DataType::kUint8, at_limit), 1, false, no_label)->data),
      ElementsAre("1:77"));
  values.push_back(0);
  const Shape above = {static_cast<std::int64_t>(values.size())};
  const auto refused = classify(view_of(values, DataType::kUint8, above), 1, false, no_label);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "classification output tensor too large");
}

TEST(ClassifyTest, ABatchThatDoesNotDivideIsAnError) {
  const std::vector<std::uint8_t> values(5);
  const Shape shape = {2, 2};
  EXPECT_EQ(classify(view_of(values, DataType::kUint8, shape), 1, true, no_label).error().code,
            base::Code::kInternal);
}

}  // namespace
}  // namespace tfe::kserve
