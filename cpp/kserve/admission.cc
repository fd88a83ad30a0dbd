#include "kserve/admission.h"

#include <string>
#include <utility>

namespace tfe::kserve {

struct Admission::Counters {
  explicit Counters(Limits given) : limits(given) {}

  const Limits limits;
  std::atomic<std::size_t> requests = 0;
  std::atomic<std::uint64_t> bytes = 0;
};

namespace {

// Adds unless the sum would pass the limit (0: none) or wrap.
template <typename T>
bool add_within(std::atomic<T>& counter, T amount, T limit) {
  T now = counter.load(std::memory_order_relaxed);
  do {
    if (limit != 0 && (amount > limit || now > limit - amount)) return false;
    if (now + amount < now) return false;
  } while (!counter.compare_exchange_weak(now, now + amount, std::memory_order_relaxed));
  return true;
}

base::Error too_many(std::size_t limit) {
  return {base::Code::kResourceExhausted,
          "too many inference requests in flight (max_inflight_requests is " +
              std::to_string(limit) + ")"};
}

base::Error too_large(std::uint64_t size, std::uint64_t limit) {
  const std::string suffix = "(max_inflight_bytes is " + std::to_string(limit) + ")";
  // Coming again later would not help.
  if (size > limit) {
    return {base::Code::kInvalidArgument,
            "request of " + std::to_string(size) +
                " bytes is larger than all requests in flight may be together " + suffix};
  }
  return {base::Code::kResourceExhausted, "too many bytes of requests in flight " + suffix};
}

}  // namespace

Admission::Admission(Limits limits) : counters_(std::make_shared<Counters>(limits)) {}

base::Result<Admission::Ticket> Admission::admit(std::uint64_t announced_bytes) const {
  const Limits& limits = counters_->limits;
  if (!add_within(counters_->requests, std::size_t{1}, limits.max_requests)) {
    return std::unexpected(too_many(limits.max_requests));
  }
  auto ticket = admit_body(announced_bytes);
  if (ticket) {
    ticket->requests_ = 1;
  } else {
    counters_->requests.fetch_sub(1, std::memory_order_relaxed);
  }
  return ticket;
}

base::Result<Admission::Ticket> Admission::admit_body(std::uint64_t announced_bytes) const {
  Ticket ticket;
  ticket.counters_ = counters_;
  if (auto status = ticket.grow_to(announced_bytes); !status) {
    return std::unexpected(std::move(status.error()));
  }
  return ticket;
}

std::size_t Admission::requests() const {
  return counters_->requests.load(std::memory_order_relaxed);
}

std::uint64_t Admission::bytes() const { return counters_->bytes.load(std::memory_order_relaxed); }

Admission::Ticket& Admission::Ticket::operator=(Ticket&& other) noexcept {
  if (this != &other) {
    Ticket old;
    old.counters_ = std::exchange(counters_, std::move(other.counters_));
    old.requests_ = std::exchange(requests_, std::exchange(other.requests_, 0));
    old.bytes_ = std::exchange(bytes_, std::exchange(other.bytes_, 0));
  }
  return *this;
}

Admission::Ticket::~Ticket() {
  if (!counters_) return;
  counters_->bytes.fetch_sub(bytes_, std::memory_order_relaxed);
  counters_->requests.fetch_sub(requests_, std::memory_order_relaxed);
}

base::Status Admission::Ticket::grow_to(std::uint64_t total) {
  if (!counters_ || total <= bytes_) return {};
  const std::uint64_t limit = counters_->limits.max_bytes;
  if (!add_within(counters_->bytes, total - bytes_, limit)) {
    return std::unexpected(too_large(total, limit));
  }
  bytes_ = total;
  return {};
}

}  // namespace tfe::kserve
