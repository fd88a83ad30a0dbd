#include "http2/connection_age.h"

#include <random>

namespace tfe::http2 {
namespace {

// gRPC's own servers spread by ten per cent to both sides.
constexpr double kJitter = 0.1;

}  // namespace

ConnectionAge::ConnectionAge(const Options& options, base::TimePoint opened, double luck)
    : options_(options) {
  if (options.max_connection_age.count() == 0) return;
  const std::chrono::duration<double, std::milli> age = options.max_connection_age;
  old_at_ =
      opened + std::chrono::duration_cast<base::Duration>(age * (1 - kJitter + 2 * kJitter * luck));
}

void ConnectionAge::drained(base::TimePoint now) {
  old_at_.reset();
  if (options_.max_connection_age_grace.count() > 0) {
    given_up_at_ = now + options_.max_connection_age_grace;
  }
}

double random_luck() {
  thread_local std::minstd_rand generator{std::random_device{}()};
  return std::uniform_real_distribution<double>(0.0, 1.0)(generator);
}

}  // namespace tfe::http2
