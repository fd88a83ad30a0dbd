// Which models have inferences in flight, when each of them last showed a sign of life, and how
// long its answers usually take: what a watchdog needs to tell a model that hangs from one that has
// much to do.
//
// Thread rule: any thread; one short lock per call. Lifetime rule: a Call must not outlive its
// ModelActivity. Memory is bounded by what is in flight, and 2 KB for each name of a model.
#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "triton/outcomes.h"

namespace tfe::triton {

class ModelActivity {
  struct Record {
    std::list<base::TimePoint> starts;  // of what is in flight, oldest first
    base::TimePoint progress;           // last response or completion; when it became busy
    Outcomes::Buckets answered{};       // by how long they took
  };
  using Records = std::map<std::string, Record>;

 public:
  // One inference in flight, until it is destroyed.
  class Call {
   public:
    Call(ModelActivity& owner, const std::string& model);
    ~Call();
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    // A response came, though not the last.
    void progress();
    // It ends with an answer of the model, not with an error or cancelled. Before the end, once.
    void succeeded() { succeeded_ = true; }

   private:
    ModelActivity& owner_;
    bool succeeded_ = false;
    Records::iterator record_;
    std::list<base::TimePoint>::iterator start_;
  };

  struct Busy {
    std::string model;
    std::size_t in_flight = 0;
    base::Duration oldest{};  // age of the oldest inference in flight
    base::Duration silent{};  // since a response or completion of any of them; never over `oldest`
  };
  // The models with something in flight, by name.
  std::vector<Busy> busy(base::TimePoint now = base::Clock::now()) const;
  // Answers of all models so far that have given any, in the buckets of Outcomes.
  std::map<std::string, Outcomes::Buckets> answered() const;

 private:
  mutable std::mutex mutex_;
  Records records_;
};

}  // namespace tfe::triton
