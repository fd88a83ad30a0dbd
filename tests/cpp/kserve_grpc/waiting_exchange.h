// An exchange whose answers come from threads of the core: the test runs them on its own.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>

#include "grpc/status.h"
#include "http/exchange.h"
#include "triton/core_fixture.h"

namespace tfe::testing {

// Takes tasks from threads of the core and runs them on the test's own.
class WaitingStrand final : public http::Strand {
 public:
  void post(Task task, Where) override {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    changed_.notify_all();
  }
  TimerId run_at(base::TimePoint, Task task) override {
    timers.push_back(std::move(task));
    return timers.size();
  }
  void cancel_timer(TimerId) override {}
  void run_one() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, kPatience, [this] { return !tasks_.empty(); })) {
      throw std::runtime_error("no answer");
    }
    Task task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
  }

  // For tests that wait for something else, which follows from a task or from none.
  void run_one_if_any() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(1), [this] { return !tasks_.empty(); });
    if (tasks_.empty()) return;
    Task task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
  }

  std::vector<Task> timers;  // on the test's thread; run by tests that move the time

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> tasks_;
};

class WaitingExchange final : public http::Exchange {
 public:
  const std::shared_ptr<http::Strand>& strand() override { return strand_; }
  void send_continue() override {}
  void pause_body() override { ++pauses; }
  void resume_body() override { --pauses; }
  void respond(http::ResponseHead head, base::Chain) override { finish(std::move(head.headers)); }
  void start(http::ResponseHead) override {}
  void write(base::Chain piece) override { body += piece.to_string(); }
  void finish(http::Trailers given) override {
    done = true;
    for (const auto& [name, value] : given) {
      if (name == "grpc-status") status = std::stoi(value);
      if (name == "grpc-message") message = grpc::percent_decode(value);
    }
  }
  void abort(http::AbortReason) override { done = true; }
  std::size_t unsent() const override { return unread; }

  std::shared_ptr<WaitingStrand> waiting = std::make_shared<WaitingStrand>();
  std::string body;
  int status = -1;
  std::string message;
  bool done = false;
  int pauses = 0;
  std::size_t unread = 0;  // what unsent() says

 private:
  std::shared_ptr<http::Strand> strand_ = waiting;
};

}  // namespace tfe::testing
