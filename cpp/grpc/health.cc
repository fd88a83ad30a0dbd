#include "grpc/health.h"

#include <string>
#include <utility>

namespace tfe::grpc {
namespace {

// HealthCheckResponse: field 1, a varint of ServingStatus.
std::string encode(bool ready) {
  constexpr char kStatusTag = 0x08;
  constexpr char kServing = 1;
  constexpr char kNotServing = 2;
  return {kStatusTag, ready ? kServing : kNotServing};
}

class CheckHandler final : public UnaryHandler {
 public:
  CheckHandler(std::shared_ptr<Call> call, const std::function<base::Result<bool>()>& ready)
      : UnaryHandler(std::move(call)), ready_(ready) {}

 private:
  void on_request(Message /*message*/) override {
    auto ready = ready_();
    if (!ready) return call().finish(to_status(std::move(ready.error())));
    call().reply(base::Chain::of(encode(*ready)));
  }

  const std::function<base::Result<bool>()>& ready_;
};

}  // namespace

void add_health(Router& router, std::function<base::Result<bool>()> ready) {
  router.add("/grpc.health.v1.Health/Check",
             [ready = std::move(ready)](const std::shared_ptr<Call>& call, const Metadata&) {
               return std::make_shared<CheckHandler>(call, ready);
             });
}

}  // namespace tfe::grpc
