#include "net/line_writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

#include "net/test_socket.h"

namespace tfe::net {
namespace {

using test::eventually;

class LineWriterTest : public testing::Test {
 protected:
  LineWriterTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "lines-XXXXXX").string();
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    directory = pattern;
    options.path = path("log");
    options.on_error = [this](const base::Error&) { ++errors; };
    options.dropped_line = [](std::uint64_t count) { return "dropped " + std::to_string(count); };
  }
  ~LineWriterTest() override { std::filesystem::remove_all(directory); }

  std::string path(const std::string& name) const { return (directory / name).string(); }
  std::string content(const std::string& name) const {
    std::ifstream in(path(name));
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::unique_ptr<LineWriter> open() {
    auto opened = LineWriter::open(options);
    EXPECT_TRUE(opened.has_value());
    return std::move(*opened);
  }

  std::filesystem::path directory;
  LineWriterOptions options;
  std::atomic<int> errors = 0;
};

TEST_F(LineWriterTest, AppendsLinesInOrder) {
  std::ofstream(path("log")) << "before\n";
  const auto writer = open();
  EXPECT_TRUE(writer->write("one"));
  EXPECT_TRUE(writer->write("two"));
  writer->flush();
  EXPECT_EQ(content("log"), "before\none\ntwo\n");
}

TEST_F(LineWriterTest, WritesWhatIsQueuedAtTheEnd) {
  auto writer = open();
  for (int i = 0; i < 1000; ++i) writer->write("line");
  writer.reset();
  EXPECT_EQ(content("log").size(), 5000U);
}

TEST_F(LineWriterTest, TakesLinesFromManyThreads) {
  auto writer = open();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&writer] {
      for (int j = 0; j < 500; ++j) writer->write("0123456789");
    });
  }
  for (std::thread& thread : threads) thread.join();
  writer.reset();
  const std::string text = content("log");
  EXPECT_EQ(text.size(), 2000U * 11);
  EXPECT_EQ(text.substr(0, 22), "0123456789\n0123456789\n");
}

TEST_F(LineWriterTest, NamesAPathThatCannotBeOpened) {
  options.path = path("none/log");
  const auto opened = LineWriter::open(options);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, base::Code::kInvalidArgument);
  EXPECT_EQ(opened.error().message, path("none/log") + ": No such file or directory");
}

TEST_F(LineWriterTest, ReopensWhenAsked) {
  const auto writer = open();
  writer->write("old");
  writer->flush();
  std::filesystem::rename(path("log"), path("log.1"));
  writer->reopen();
  writer->write("new");
  writer->flush();
  EXPECT_EQ(content("log.1"), "old\n");
  EXPECT_EQ(content("log"), "new\n");
}

TEST_F(LineWriterTest, NoticesThatTheFileWasMoved) {
  const auto writer = open();
  writer->write("old");
  writer->flush();
  std::filesystem::rename(path("log"), path("log.1"));
  EXPECT_TRUE(eventually([&] {
    writer->write("line");
    writer->flush();
    return std::filesystem::exists(path("log"));
  }));
  EXPECT_TRUE(content("log.1").starts_with("old\n"));
}

TEST_F(LineWriterTest, GoesOnWithTheOldFileWhenTheNewOneCannotBeOpened) {
  const auto writer = open();
  const base::UniqueFd old(::open(path("log").c_str(), O_RDONLY | O_CLOEXEC));
  std::filesystem::remove_all(directory);
  writer->reopen();
  writer->write("kept");
  writer->flush();
  char text[16] = {};
  EXPECT_EQ(::read(old.get(), text, sizeof text), 5);
  EXPECT_EQ(errors, 1);
}

TEST_F(LineWriterTest, DropsAndCountsWhatAReaderDoesNotTake) {
  options.path = path("pipe");
  options.max_queued_bytes = 100'000;
  ASSERT_EQ(::mkfifo(options.path.c_str(), 0600), 0);
  base::UniqueFd reader(::open(options.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  auto writer = open();
  const std::string line(999, 'x');
  std::uint64_t dropped = 0;
  for (int i = 0; i < 1000; ++i) dropped += writer->write(line) ? 0 : 1;
  EXPECT_GT(dropped, 0U) << "the pipe and the queue hold less than a megabyte";
  EXPECT_EQ(writer->dropped_total(), dropped);
  // Once it reads, it is told.
  std::string text;
  const std::string told = "dropped " + std::to_string(dropped) + "\n";
  EXPECT_TRUE(eventually([&] {
    char piece[4096];
    const ssize_t count = ::read(reader.get(), piece, sizeof piece);
    if (count > 0) text.append(piece, static_cast<std::size_t>(count));
    return text.find(told) != std::string::npos;
  }));
}

TEST_F(LineWriterTest, EndsWithoutAReader) {
  options.path = path("pipe");
  ASSERT_EQ(::mkfifo(options.path.c_str(), 0600), 0);
  base::UniqueFd reader(::open(options.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  auto writer = open();
  for (int i = 0; i < 1000; ++i) writer->write(std::string(999, 'x'));
  writer.reset();  // does not hang
  SUCCEED();
}

}  // namespace
}  // namespace tfe::net
