#include "bindings/response_queue.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <utility>

#include "base/buffer_pool.h"
#include "bindings/py_ref.h"

namespace tfe::bindings {

base::Result<std::shared_ptr<LoopWaker>> LoopWaker::create() {
  base::UniqueFd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (fd.get() < 0) return base::fail(base::Code::kUnavailable, "no file descriptor is left");
  return std::shared_ptr<LoopWaker>(new LoopWaker(std::move(fd)));
}

void LoopWaker::wake(std::uint64_t token) {
  std::lock_guard lock(mutex_);
  tokens_.push_back(token);
  if (tokens_.size() > 1) return;  // the loop has been told
  const std::uint64_t one = 1;
  // Fails only if the counter is full, and then the descriptor is readable already.
  [[maybe_unused]] const ssize_t written = ::write(fd_.get(), &one, sizeof one);
}

std::vector<std::uint64_t> LoopWaker::drain() {
  std::lock_guard lock(mutex_);
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = ::read(fd_.get(), &count, sizeof count);
  return std::exchange(tokens_, {});
}

base::Result<std::optional<triton::OutputBuffer>> ResponseQueue::allocate(std::string_view output,
                                                                          std::size_t byte_size) {
  auto block = base::BufferPool::global().take_shared(byte_size);
  if (!block) {
    return base::fail(base::Code::kUnavailable,
                      "out of memory: cannot allocate " + std::to_string(byte_size) +
                          " bytes for output '" + std::string(output) + "'");
  }
  const triton::OutputBuffer buffer{.data = block->data(), .place = {}};
  std::lock_guard lock(mutex_);
  outputs_.emplace(buffer.data, std::move(block));
  return buffer;
}

base::Owner ResponseQueue::claim(const void* data) {
  std::lock_guard lock(mutex_);
  auto node = outputs_.extract(data);
  return node ? std::move(node.mapped()) : nullptr;
}

void ResponseQueue::on_response(std::optional<triton::Response> response, bool final) {
  // A thread that is woken now would meet an interpreter that is going away.
  if (interpreter_ending()) return;
  std::shared_ptr<LoopWaker> waker;
  std::uint64_t token = 0;
  {
    std::lock_guard lock(mutex_);
    deliveries_.push_back({std::move(response), final});
    waker = std::exchange(waker_, nullptr);
    token = token_;
  }
  arrived_.notify_one();
  if (waker) waker->wake(token);
}

std::optional<Delivery> ResponseQueue::take() {
  if (deliveries_.empty()) return std::nullopt;
  Delivery delivery = std::move(deliveries_.front());
  deliveries_.pop_front();
  if (delivery.final) {
    finished_ = true;
    arrived_.notify_all();
  }
  return delivery;
}

std::optional<Delivery> ResponseQueue::try_get() {
  std::lock_guard lock(mutex_);
  return take();
}

bool ResponseQueue::finished() const {
  std::lock_guard lock(mutex_);
  return finished_;
}

std::optional<Delivery> ResponseQueue::wait(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  arrived_.wait_for(lock, time, [this] { return ready(); });
  return take();
}

std::optional<Delivery> ResponseQueue::wait() {
  std::unique_lock lock(mutex_);
  arrived_.wait(lock, [this] { return ready(); });
  return take();
}

void ResponseQueue::watch(std::shared_ptr<LoopWaker> waker, std::uint64_t token) {
  {
    std::lock_guard lock(mutex_);
    if (!ready()) {
      waker_ = std::move(waker);
      token_ = token;
      return;
    }
  }
  waker->wake(token);
}

void ResponseQueue::unwatch() {
  std::shared_ptr<LoopWaker> dropped;
  std::lock_guard lock(mutex_);
  dropped.swap(waker_);
}

}  // namespace tfe::bindings
