// Caps on what one frontend has in flight: inferences in number, and bytes of request bodies, those
// of other requests (a model's files may come in one) included. A request above a cap is refused at
// its head (429, RESOURCE_EXHAUSTED), so that the memory of the process is bounded and clients hear
// at once that they should come later or go elsewhere.
//
// Thread rule: any thread. Lifetime rule: a ticket keeps the counters alive and gives its share
// back when it is destroyed.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/status.h"

namespace tfe::kserve {

class Admission {
 public:
  struct Limits {
    // Inferences from their head to the end of their answer. 0: no cap.
    std::size_t max_requests = 0;
    // Bodies received or announced, compressed or not, and what they expand to. 0: no cap.
    std::uint64_t max_bytes = 0;
  };

  // A request's share. Movable; empty ones count nothing.
  class Ticket;

  Admission() : Admission(Limits{}) {}
  explicit Admission(Limits limits);

  // kResourceExhausted, naming the option and the limit; kInvalidArgument for a request that is
  // larger than max_bytes by itself, for which coming again would not help.
  base::Result<Ticket> admit(std::uint64_t announced_bytes) const;
  // The same for a request that is no inference: its body counts.
  base::Result<Ticket> admit_body(std::uint64_t announced_bytes) const;
  std::size_t requests() const;
  std::uint64_t bytes() const;

 private:
  struct Counters;
  std::shared_ptr<Counters> counters_;
};

class Admission::Ticket {
 public:
  Ticket() = default;
  Ticket(Ticket&&) noexcept = default;
  Ticket& operator=(Ticket&& other) noexcept;
  ~Ticket();
  // The request turned out to hold `total` bytes: charges what goes beyond what was charged so far.
  // Fails as admit() when that does not fit; the share stays as it was.
  base::Status grow_to(std::uint64_t total);

 private:
  friend class Admission;
  std::shared_ptr<Counters> counters_;
  std::size_t requests_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace tfe::kserve
