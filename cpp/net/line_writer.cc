#include "net/line_writer.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <system_error>
#include <utility>

namespace tfe::net {
namespace {

// How long a reader of a pipe that does not read is waited for, in steps that notice the end.
constexpr int kPollStep = 100;     // ms
constexpr int kMaxPollSteps = 50;  // five seconds, then the lines are given up

std::string reason(int error) { return std::generic_category().message(error); }

}  // namespace

LineWriter::LineWriter(LineWriterOptions options) : options_(std::move(options)) {}

base::Result<std::unique_ptr<LineWriter>> LineWriter::open(LineWriterOptions options) {
  std::unique_ptr<LineWriter> writer(new LineWriter(std::move(options)));
  if (auto opened = writer->open_file(); !opened) return std::unexpected(opened.error());
  LineWriter* self = writer.get();
  auto thread = base::Thread::start(writer->options_.thread_name, [self] { self->run(); });
  if (!thread) return std::unexpected(std::move(thread).error());
  writer->thread_ = *std::move(thread);
  return writer;
}

LineWriter::~LineWriter() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

bool LineWriter::write(std::string_view line) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() + line.size() + 1 > options_.max_queued_bytes) {
      ++dropped_;
      dropped_total_.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
    queue_.append(line).push_back('\n');
    wake = std::exchange(sleeping_, false);
  }
  if (wake) wake_.notify_one();
  return true;
}

void LineWriter::reopen() {
  {
    const std::lock_guard lock(mutex_);
    reopen_ = hurry_ = true;
  }
  wake_.notify_one();
}

void LineWriter::flush() {
  std::unique_lock lock(mutex_);
  const std::uint64_t mine = ++flushes_asked_;
  hurry_ = true;
  wake_.notify_one();
  written_.wait(lock, [&] { return flushes_done_ >= mine; });
}

void LineWriter::run() {
  std::string batch;
  while (next_batch(batch)) {
    if (!batch.empty()) {
      follow_rotation();
      write_batch(batch);
    }
    const std::lock_guard lock(mutex_);
    flushes_done_ = flushes_taken_;
    written_.notify_all();
  }
}

// Waits for lines and takes them. False at the end, when there are no more.
bool LineWriter::next_batch(std::string& batch) {
  std::unique_lock lock(mutex_);
  sleeping_ = true;
  wake_.wait(lock, [this] { return !queue_.empty() || hurry_ || stopping_; });
  sleeping_ = false;
  wake_.wait_for(lock, options_.batch_delay, [this] { return hurry_ || stopping_; });
  hurry_ = false;
  flushes_taken_ = flushes_asked_;
  if (std::exchange(reopen_, false)) next_check_ = {};
  batch.clear();
  batch.swap(queue_);
  told_ = options_.dropped_line && !(stopping_ && failing_) ? std::exchange(dropped_, 0) : 0;
  if (told_ > 0) batch.append(options_.dropped_line(told_)).push_back('\n');
  return !batch.empty() || !stopping_;
}

void LineWriter::write_batch(std::string_view batch) {
  if (write_all(batch)) {
    failing_ = false;
    return;
  }
  const auto lines =
      static_cast<std::uint64_t>(std::ranges::count(batch, '\n')) - (told_ > 0 ? 1 : 0);
  dropped_total_.fetch_add(lines, std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  dropped_ += told_ + lines;
}

bool LineWriter::write_all(std::string_view text) {
  while (!text.empty()) {
    // What a pipe takes without blocking once it is writable (pipe(7)).
    if (!regular_ && !wait_writable()) return false;
    const std::size_t size = regular_ ? text.size() : std::min<std::size_t>(text.size(), PIPE_BUF);
    const ssize_t count = ::write(descriptor(), text.data(), size);
    if (count < 0 && errno != EINTR && errno != EAGAIN) {
      report("cannot write: " + reason(errno));
      return false;
    }
    if (count > 0) text.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

bool LineWriter::wait_writable() {
  pollfd entry{.fd = descriptor(), .events = POLLOUT, .revents = 0};
  for (int step = 0; step < kMaxPollSteps; ++step) {
    if (::poll(&entry, 1, kPollStep) > 0) return true;
    if (stopping_) {
      failing_ = true;  // and nothing more is tried
      return false;
    }
  }
  report("nobody reads it");
  return false;
}

int LineWriter::descriptor() const { return is_stderr() ? STDERR_FILENO : file_.get(); }

base::Status LineWriter::open_file() {
  if (!is_stderr()) {
    // O_NONBLOCK: a pipe without a reader is an error, not a wait.
    base::UniqueFd file(::open(options_.path.c_str(),
                               O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                               0640));
    if (!file) {
      return base::fail(base::Code::kInvalidArgument, options_.path + ": " + reason(errno));
    }
    file_ = std::move(file);
  }
  struct stat status{};
  regular_ = ::fstat(descriptor(), &status) == 0 && S_ISREG(status.st_mode);
  next_check_ = base::Clock::now() + kCheckInterval;
  return {};
}

// Whether by reopen() or by finding that the path leads elsewhere now.
void LineWriter::follow_rotation() {
  const base::TimePoint now = base::Clock::now();
  if (is_stderr() || now < next_check_) return;
  const bool asked = next_check_ == base::TimePoint{};
  next_check_ = now + kCheckInterval;
  struct stat ours{};
  struct stat there{};
  const bool same = ::stat(options_.path.c_str(), &there) == 0 &&
                    ::fstat(file_.get(), &ours) == 0 && ours.st_dev == there.st_dev &&
                    ours.st_ino == there.st_ino;
  if (same && !asked) return;
  // On failure the old file goes on.
  if (const auto opened = open_file(); !opened) report("cannot reopen: " + opened.error().message);
}

void LineWriter::report(const std::string& message) {
  if (std::exchange(failing_, true) || !options_.on_error) return;
  const std::string name = is_stderr() ? "standard error" : options_.path;
  options_.on_error({base::Code::kInternal, name + ": " + message});
}

}  // namespace tfe::net
