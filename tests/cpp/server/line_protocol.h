// A tiny sans-I/O protocol for tests: each line is a request, given to a function that answers it
// now or later. It counts what the server does with it.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "server/connection.h"

namespace tfe::test {

struct Counts {
  std::atomic<int> made = 0;
  std::atomic<int> destroyed = 0;
  std::atomic<int> aborted = 0;
  std::atomic<int> drained = 0;
  std::atomic<int> eofs = 0;
  std::atomic<int> lines = 0;
  std::atomic<int> overlaps = 0;  // calls while another one was under way: must stay 0
};

class LineProtocol final : public http::Protocol {
 public:
  using OnLine = std::function<void(LineProtocol&, std::string)>;

  LineProtocol(std::shared_ptr<http::Strand> strand, Counts& counts, OnLine on_line)
      : strand_(std::move(strand)), counts_(counts), on_line_(std::move(on_line)) {
    ++counts_.made;
  }
  ~LineProtocol() override { ++counts_.destroyed; }

  // For on_line and tasks on the strand.
  const std::shared_ptr<http::Strand>& strand() const { return strand_; }
  void begin() { ++in_flight_; }
  void answer(base::Chain chain) {
    const Guard guard(*this);
    --in_flight_;
    output_.append(std::move(chain));
  }
  void answer(std::string text) { answer(base::Chain::of(std::move(text))); }
  void pause() { paused_ = true; }
  void resume() { paused_ = false; }
  void finish() { finishing_ = true; }
  void set_deadline(std::optional<base::TimePoint> when) { deadline_ = when; }
  // Becomes true at abort(); a later task must not touch this object.
  const std::shared_ptr<std::atomic<bool>>& gone() const { return gone_; }

  base::MutableBytes receive_buffer() override { return buffer_; }
  void received(std::size_t count, base::TimePoint) override {
    const Guard guard(*this);
    const std::size_t searched = input_.size();
    input_.append(base::as_text(base::Bytes(buffer_).first(count)));
    process(searched);
  }
  void received_eof(base::TimePoint) override {
    ++counts_.eofs;
    finishing_ = true;
  }
  bool wants_read() const override {
    return !paused_ && !finishing_ && output_.segments().size() < 1000;
  }
  base::Chain& output(std::size_t) override { return output_; }
  void sent(base::TimePoint) override {}
  bool finished() const override { return finishing_ && in_flight_ == 0; }
  bool idle() const override { return in_flight_ == 0 && output_.empty(); }
  std::size_t in_flight() const override { return in_flight_; }
  void drain(base::TimePoint) override {
    ++counts_.drained;
    finishing_ = true;
  }
  void abort() override {
    gone_->store(true);
    if (!finished() || !output_.empty()) ++counts_.aborted;
    in_flight_ = 0;
  }
  std::optional<base::TimePoint> deadline() const override { return deadline_; }
  void on_deadline(base::TimePoint) override {
    deadline_.reset();
    begin();
    answer("deadline\n");
    finishing_ = true;
  }

 private:
  struct Guard {
    explicit Guard(LineProtocol& protocol) : outer(protocol.busy_by_) {
      const auto self = std::this_thread::get_id();
      if (outer != std::thread::id() && outer != self) ++protocol.counts_.overlaps;
      protocol.busy_by_ = self;
      target = &protocol;
    }
    ~Guard() { target->busy_by_ = outer; }
    std::thread::id outer;
    LineProtocol* target;
  };

  void process(std::size_t searched) {
    std::size_t begin_at = 0;
    std::size_t end = input_.find('\n', searched);
    for (; end != std::string::npos; end = input_.find('\n', begin_at)) {
      begin();
      on_line_(*this, input_.substr(begin_at, end - begin_at));
      begin_at = end + 1;
      ++counts_.lines;  // last: what on_line did is visible to who sees the count
    }
    input_.erase(0, begin_at);
  }

  const std::shared_ptr<http::Strand> strand_;
  Counts& counts_;
  const OnLine on_line_;
  const std::shared_ptr<std::atomic<bool>> gone_ = std::make_shared<std::atomic<bool>>(false);
  std::array<std::byte, 4096> buffer_{};
  std::string input_;
  base::Chain output_;
  std::size_t in_flight_ = 0;
  bool paused_ = false;
  bool finishing_ = false;
  std::optional<base::TimePoint> deadline_;
  std::thread::id busy_by_;
};

}  // namespace tfe::test
