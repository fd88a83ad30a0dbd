#include "codec/proto_reader.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace tfe::codec {
namespace {

ProtoReader read(std::string_view bytes) { return ProtoReader(base::as_bytes(bytes)); }

// Reads to the end; what remains is whether it was well-formed.
bool well_formed(std::string_view bytes) {
  ProtoReader reader = read(bytes);
  while (reader.next()) continue;
  return !reader.failed();
}

TEST(ProtoReader, ReadsEveryWireType) {
  ProtoReader reader =
      read(std::string_view("\x08\x96\x01"
                            "\x11\1\0\0\0\0\0\0\0"
                            "\x1A\2hi"
                            "\x25\2\0\0\0",
                            21));
  ASSERT_TRUE(reader.next());
  EXPECT_EQ(reader.key(), field_key(1, Wire::kVarint));
  EXPECT_EQ(reader.number_value(), 150u);
  ASSERT_TRUE(reader.next());
  EXPECT_EQ(reader.key(), field_key(2, Wire::kFixed64));
  EXPECT_EQ(reader.number_value(), 1u);
  ASSERT_TRUE(reader.next());
  EXPECT_EQ(reader.key(), field_key(3, Wire::kBytes));
  EXPECT_EQ(reader.text(), "hi");
  EXPECT_EQ(reader.offset(), 14u);
  ASSERT_TRUE(reader.next());
  EXPECT_EQ(reader.key(), field_key(4, Wire::kFixed32));
  EXPECT_EQ(reader.number_value(), 2u);
  EXPECT_FALSE(reader.next());
  EXPECT_FALSE(reader.failed());
}

TEST(ProtoReader, TakesTheLowBitsOfLongVarints) {
  ProtoReader reader = read("\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01");
  ASSERT_TRUE(reader.next());
  EXPECT_EQ(reader.int64(), -1);
  EXPECT_EQ(reader.int32(), -1);
  EXPECT_EQ(reader.uint32(), UINT32_MAX);
  EXPECT_TRUE(reader.boolean());
}

TEST(ProtoReader, SkipsGroups) {
  // A group with a nested one, a string and a number, then field 1.
  ProtoReader reader = read(std::string_view("\x13\x1B\x08\1\x1C\x22\1x\x14\x08\7", 11));
  ASSERT_TRUE(reader.next());
  EXPECT_EQ(reader.key(), field_key(1, Wire::kVarint));
  EXPECT_EQ(reader.number_value(), 7u);
  EXPECT_FALSE(reader.next());
  EXPECT_FALSE(reader.failed());
}

TEST(ProtoReader, RefusesBrokenMessages) {
  const std::vector<std::string> broken{
      std::string("\x00\x01", 2),                          // field number 0
      "\x08",                                              // no value
      "\x08\x80",                                          // unfinished varint
      "\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01",  // eleven bytes
      "\x0A\x05"
      "abcd",                      // length beyond the end
      "\x0A\xFF\xFF\xFF\xFF\x0F",  // length beyond 2 GiB
      "\x09"
      "1234567",  // fixed64 of seven bytes
      "\x0D"
      "123",  // fixed32 of three bytes
      "\x0E"
      "1",  // wire type 6
      "\x0F"
      "1",                             // wire type 7
      "\x0C",                          // end of no group
      "\x0B",                          // group without end
      "\x0B\x14",                      // end of another group
      std::string(200, '\x0B'),        // nesting
      "\xFF\xFF\xFF\xFF\xFF\x01\x01",  // tag beyond 32 bits
  };
  for (std::size_t index = 0; index < broken.size(); ++index) {
    EXPECT_FALSE(well_formed(broken[index])) << index;
  }
}

TEST(ProtoReader, RefusesTextThatIsNotUtf8) {
  ProtoReader reader = read("\x0A\x02\xC3\x28");
  ASSERT_TRUE(reader.next());
  EXPECT_EQ(reader.bytes().size(), 2u);
  reader.text();
  EXPECT_TRUE(reader.failed());
  EXPECT_FALSE(reader.next());
}

TEST(ProtoReader, SurvivesRandomBytes) {
  std::mt19937 random(1);
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes(random() % 40, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    well_formed(bytes);
  }
}

TEST(PackedVarints, CountsAndReads) {
  const base::Bytes packed = base::as_bytes(std::string_view("\x01\x96\x01\x00", 4));
  EXPECT_EQ(PackedVarints::count(packed), 3u);
  PackedVarints values(packed);
  std::uint64_t value = 0;
  std::vector<std::uint64_t> all;
  while (values.next(value)) all.push_back(value);
  EXPECT_EQ(all, (std::vector<std::uint64_t>{1, 150, 0}));
  EXPECT_FALSE(values.failed());
}

TEST(PackedVarints, FailsOnAnUnfinishedOne) {
  PackedVarints values(base::as_bytes("\x01\x80"));
  std::uint64_t value = 0;
  EXPECT_TRUE(values.next(value));
  EXPECT_FALSE(values.next(value));
  EXPECT_TRUE(values.failed());
}

TEST(ValidUtf8, JudgesShortAndLongTexts) {
  EXPECT_TRUE(valid_utf8(""));
  EXPECT_TRUE(valid_utf8("n\xC3\xB6pe"));
  EXPECT_TRUE(valid_utf8(std::string(1'000, 'a') + "\xE2\x82\xAC"));
  EXPECT_FALSE(valid_utf8("\xFF"));
  EXPECT_FALSE(valid_utf8("\xED\xA0\x80"));
  EXPECT_FALSE(valid_utf8(std::string(1'000, 'a') + "\xE2\x82"));
}

}  // namespace
}  // namespace tfe::codec
