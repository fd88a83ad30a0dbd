#include "kserve/trace_writer.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <system_error>
#include <utility>

#include "triton/logging.h"

namespace tfe::kserve {

TraceMemory::~TraceMemory() {
  TraceWriter::global().memory_.fetch_sub(bytes_, std::memory_order_relaxed);
}

bool TraceMemory::grow(std::size_t bytes) {
  TraceWriter& writer = TraceWriter::global();
  const std::size_t before = writer.memory_.fetch_add(bytes, std::memory_order_relaxed);
  if (bytes <= TraceWriter::kMemoryLimit && before <= TraceWriter::kMemoryLimit - bytes) {
    bytes_ += bytes;
    return true;
  }
  writer.memory_.fetch_sub(bytes, std::memory_order_relaxed);
  writer.drop("they arrive faster than they can be written");
  return false;
}

TraceWriter& TraceWriter::global() {
  static auto* const writer = new TraceWriter;
  return *writer;
}

void TraceWriter::write(std::shared_ptr<TraceStream> stream, FinishedTrace trace,
                        TraceMemory memory) {
  push({std::move(stream), std::move(trace), std::move(memory)});
}

void TraceWriter::close(std::shared_ptr<TraceStream> stream) {
  push({std::move(stream), std::nullopt, {}});
}

void TraceWriter::push(Item item) {
  {
    std::lock_guard lock(mutex_);
    if (stopping_ || !start()) {
      if (item.trace) dropped_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    items_.push_back(std::move(item));
    ++pushed_;
  }
  wake_.notify_one();
}

// Under the lock. False when the system has no thread to give: destructors of traces come here,
// which must not throw, and the next trace tries again.
bool TraceWriter::start() {
  if (thread_) return true;
  try {
    thread_.emplace([this] { run(); });
  } catch (const std::system_error&) {
    return false;
  }
  process_ = ::getpid();
  std::atexit([] { global().stop(); });
  return true;
}

bool TraceWriter::flush(base::Duration patience) {
  std::unique_lock lock(mutex_);
  const std::uint64_t goal = pushed_;
  return idle_.wait_for(lock, patience, [&] { return written_ >= goal; });
}

void TraceWriter::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !items_.empty(); });
    if (items_.empty()) break;
    std::deque<Item> items = std::exchange(items_, {});
    const std::uint64_t count = items.size();
    lock.unlock();
    work(std::move(items));
    lock.lock();
    written_ += count;
    idle_.notify_all();
  }
  lock.unlock();
  for (const auto& entry : open_) {
    if (const auto stream = entry.lock()) note(stream->close());
  }
}

// Everything that came together is written together, then forgotten.
void TraceWriter::work(std::deque<Item> items) {
  std::vector<TraceStream*> touched;
  for (Item& item : items) {
    TraceStream& stream = *item.stream;
    const bool known = std::find(touched.begin(), touched.end(), &stream) != touched.end();
    if (!known) {
      touched.push_back(&stream);
      const bool is_open = std::any_of(open_.begin(), open_.end(), [&](const auto& entry) {
        return entry.lock() == item.stream;
      });
      if (!is_open) open_.push_back(item.stream);
    }
    note(item.trace ? stream.add(*item.trace) : stream.close());
    item.trace.reset();
  }
  for (TraceStream* stream : touched) note(stream->write());
  items.clear();
  std::erase_if(open_, [](const auto& entry) { return entry.expired(); });
}

void TraceWriter::note(const base::Status& status) {
  if (!status) drop(status.error().message);
}

void TraceWriter::drop(const std::string& reason) {
  dropped_.fetch_add(1, std::memory_order_relaxed);
  const triton::Library* library = library_.load();
  if (library == nullptr || complained_.exchange(true)) return;
  (void)triton::log_message(*library, triton::LogLevel::kWarn, __FILE__, __LINE__,
                            "some traces of requests are lost: " + reason);
}

void TraceWriter::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    if (process_ != ::getpid() || !thread_) return;
  }
  wake_.notify_all();
  thread_->join();
}

}  // namespace tfe::kserve
