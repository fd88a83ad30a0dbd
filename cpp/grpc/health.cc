#include "grpc/health.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "codec/proto_reader.h"
#include "codec/proto_writer.h"

namespace tfe::grpc {
namespace {

// HealthCheckResponse.ServingStatus.
enum class Serving : std::uint8_t { kServing = 1, kNotServing = 2, kServiceUnknown = 3 };

// A watcher that reads nothing gets no more than this; the changes that it missed are one.
constexpr std::size_t kMaxUnsent = 4U << 10;

base::Chain encode(Serving status) {
  std::string message;
  codec::ProtoWriter(message).varint(1, static_cast<std::uint64_t>(status));
  return base::Chain::of(std::move(message));
}

Serving serving(bool ready) { return ready ? Serving::kServing : Serving::kNotServing; }

// HealthCheckRequest.service.
std::optional<std::string> parse_service(base::Bytes message) {
  std::string service;
  codec::ProtoReader reader(message);
  while (reader.next()) {
    if (reader.key() == codec::field_key(1, codec::Wire::kBytes)) service = reader.text();
  }
  if (reader.failed()) return std::nullopt;
  return service;
}

Status unparsable() { return {Code::kInternal, "Unable to parse request"}; }

class CheckHandler final : public UnaryHandler {
 public:
  CheckHandler(std::shared_ptr<Call> call, std::shared_ptr<const HealthOptions> options)
      : UnaryHandler(std::move(call)), options_(std::move(options)) {}

 private:
  void on_request(Message message) override {
    if (!parse_service(message.bytes)) return call().finish(unparsable());
    auto ready = options_->ready();
    if (!ready) return call().finish(to_status(std::move(ready.error())));
    call().reply(encode(serving(*ready)));
  }

  const std::shared_ptr<const HealthOptions> options_;
};

class WatchHandler final : public CallHandler, public std::enable_shared_from_this<WatchHandler> {
 public:
  WatchHandler(std::shared_ptr<Call> call, std::shared_ptr<const HealthOptions> options)
      : call_(std::move(call)), options_(std::move(options)) {}

  void on_message(Message message) override {
    if (std::exchange(received_, true)) return;
    const auto service = parse_service(message.bytes);
    if (!service) return call_->finish(unparsable());
    if (!is_known(*service)) return tell(Serving::kServiceUnknown);  // which will not change
    watch();
  }
  void on_half_close() override {
    if (!received_) call_->finish(unparsable());
  }
  void on_cancel() override { call_->strand()->cancel_timer(std::exchange(timer_, 0)); }
  void on_drain() override {
    const auto self = shared_from_this();
    on_cancel();
    if (last_ == Serving::kServing) tell(Serving::kNotServing);
    call_->finish({Code::kUnavailable, "the server is shutting down"});
  }

 private:
  bool is_known(const std::string& service) const {
    const auto& known = options_->services;
    return service.empty() || std::ranges::find(known, service) != known.end();
  }

  void watch() {
    if (call_->finished()) return;
    const auto ready = options_->ready();
    tell(serving(ready.value_or(false)));
    timer_ = call_->strand()->run_at(options_->now() + options_->watch_interval,
                                     [weak = weak_from_this()] {
                                       if (const auto self = weak.lock()) self->watch();
                                     });
  }

  void tell(Serving status) {
    if (last_ == status || call_->unsent() > kMaxUnsent) return;
    last_ = status;
    call_->send(encode(status));
  }

  const std::shared_ptr<Call> call_;
  const std::shared_ptr<const HealthOptions> options_;
  bool received_ = false;
  std::optional<Serving> last_;
  http::Strand::TimerId timer_ = 0;
};

template <typename Handler>
Router::Factory factory(std::shared_ptr<const HealthOptions> options) {
  return [options = std::move(options)](const std::shared_ptr<Call>& call, const Metadata&) {
    return std::make_shared<Handler>(call, options);
  };
}

}  // namespace

void add_health(Router& router, HealthOptions options) {
  const auto shared = std::make_shared<const HealthOptions>(std::move(options));
  router.add("/grpc.health.v1.Health/Check", factory<CheckHandler>(shared));
  router.add("/grpc.health.v1.Health/Watch", factory<WatchHandler>(shared));
}

}  // namespace tfe::grpc
