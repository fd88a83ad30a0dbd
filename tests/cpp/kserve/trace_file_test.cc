#include "kserve/trace_file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "triton/core_fixture.h"

namespace tfe::kserve {
namespace {

using tfe::testing::TemporaryDirectory;

std::string contents(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

FinishedTrace trace_of(std::uint64_t id) {
  return {.context = {}, .entries = {TracedTime{id, "T", 1}}};
}

std::string line(std::uint64_t id) {
  return "{\"id\":" + std::to_string(id) + ",\"timestamps\":[{\"name\":\"T\",\"ns\":1}]}";
}

TEST(TraceFileTest, EveryAppendLeavesAWholeArray) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/trace.json";
  testing::write_file(path, "something that was there before and is longer than the first array");
  auto file = std::make_shared<TraceFile>(path);
  TraceStream stream(file, 0);
  EXPECT_TRUE(stream.add(trace_of(1)));
  EXPECT_TRUE(stream.write());
  EXPECT_EQ(contents(path), "[\n" + line(1) + "\n]\n");
  EXPECT_TRUE(stream.add(trace_of(2)));
  EXPECT_TRUE(stream.add(trace_of(3)));
  EXPECT_TRUE(stream.write());
  EXPECT_TRUE(stream.write());
  EXPECT_EQ(contents(path), "[\n" + line(1) + ",\n" + line(2) + ",\n" + line(3) + "\n]\n");
  // Another setting of the same server goes on in the file.
  TraceStream second(file, 0);
  EXPECT_TRUE(second.add(trace_of(4)));
  EXPECT_TRUE(second.close());
  EXPECT_TRUE(contents(path).ends_with(line(3) + ",\n" + line(4) + "\n]\n"));
}

TEST(TraceFileTest, NumberedFilesHoldAsManyTracesEach) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/trace.json";
  TraceStream stream(std::make_shared<TraceFile>(path), 2);
  for (std::uint64_t id = 1; id <= 5; ++id) EXPECT_TRUE(stream.add(trace_of(id)));
  EXPECT_TRUE(stream.write());
  EXPECT_EQ(contents(path + ".0"), "[\n" + line(1) + ",\n" + line(2) + "\n]\n");
  EXPECT_EQ(contents(path + ".1"), "[\n" + line(3) + ",\n" + line(4) + "\n]\n");
  EXPECT_EQ(contents(path + ".2.partial"), "[\n" + line(5) + "\n]\n");
  EXPECT_FALSE(std::filesystem::exists(path + ".2"));
  EXPECT_TRUE(stream.close());
  EXPECT_EQ(contents(path + ".2"), "[\n" + line(5) + "\n]\n");
  EXPECT_FALSE(std::filesystem::exists(path + ".2.partial"));
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(TraceFileTest, TracesWithoutEntriesAreNotWritten) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/trace.json";
  TraceStream stream(std::make_shared<TraceFile>(path), 0);
  EXPECT_TRUE(stream.add({}));
  EXPECT_TRUE(stream.close());
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(TraceFileTest, TwoServersCannotShareAFile) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/trace.json";
  TraceFile first(path);
  EXPECT_TRUE(first.append(line(1)));
  TraceFile second(path);
  const auto refused = second.append(line(2));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "cannot write trace file '" + path + "': another server writes to it");
  EXPECT_EQ(contents(path), "[\n" + line(1) + "\n]\n");
}

TEST(TraceFileTest, APathThatCannotBeWrittenIsToldAtStart) {
  const TemporaryDirectory directory;
  EXPECT_TRUE(TraceFile::check(directory.path() + "/new.json"));
  EXPECT_TRUE(TraceFile::check("relative.json"));
  const auto refused = TraceFile::check(directory.path() + "/none/trace.json");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "cannot write trace file '" + directory.path() +
                                         "/none/trace.json': No such file or directory");
  EXPECT_FALSE(TraceFile(directory.path()).append(line(1)));
}

// A limit on file sizes stands in for a full disk.
TEST(TraceFileTest, AFailedAppendLeavesTheFileAsItWas) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/trace.json";
  TraceFile file(path);
  EXPECT_TRUE(file.append(line(1)));
  const std::string before = contents(path);
  struct rlimit unlimited{};
  ::getrlimit(RLIMIT_FSIZE, &unlimited);
  struct rlimit limited = unlimited;
  limited.rlim_cur = before.size() + 10;
  ::signal(SIGXFSZ, SIG_IGN);
  ::setrlimit(RLIMIT_FSIZE, &limited);
  const auto refused = file.append(line(2));
  ::setrlimit(RLIMIT_FSIZE, &unlimited);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "cannot write trace file '" + path + "': File too large");
  EXPECT_EQ(contents(path), before);
  EXPECT_TRUE(file.append(line(2)));
  EXPECT_EQ(contents(path), "[\n" + line(1) + ",\n" + line(2) + "\n]\n");
}

}  // namespace
}  // namespace tfe::kserve
