#include "server/protocol_chooser.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "server/over_cap.h"

namespace tfe::server {
namespace {

// The first line of the preface; the rest is checked by the HTTP/2 connection itself.
constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n";
// What a server adds to the headers of a request that it passes on.
constexpr std::size_t kLinkHeaders = 1U << 10;

class Sniffer final : public http::Protocol {
 public:
  Sniffer(MakeProtocol http1, MakeProtocol http2, base::TimePoint deadline)
      : http1_(std::move(http1)), http2_(std::move(http2)), deadline_(deadline) {}

  base::MutableBytes receive_buffer() override {
    if (chosen_) return chosen_->receive_buffer();
    return base::MutableBytes(first_).subspan(size_);
  }

  void received(std::size_t count, base::TimePoint now) override {
    if (chosen_) return chosen_->received(count, now);
    size_ += count;
    const std::string_view text = base::as_text(base::Bytes(first_).first(size_));
    if (!kPreface.starts_with(text)) {
      choose(http1_, now);
    } else if (text.size() == kPreface.size()) {
      choose(http2_, now);
    }
  }

  void received_eof(base::TimePoint now) override {
    if (chosen_) return chosen_->received_eof(now);
    finished_ = true;
  }

  bool wants_read() const override { return chosen_ ? chosen_->wants_read() : !finished_; }

  base::Chain& output(std::size_t budget) override {
    return chosen_ ? chosen_->output(budget) : nothing_;
  }
  void sent(base::TimePoint now) override {
    if (chosen_) chosen_->sent(now);
  }

  bool finished() const override { return chosen_ ? chosen_->finished() : finished_; }
  bool idle() const override { return chosen_ ? chosen_->idle() : true; }
  std::size_t in_flight() const override { return chosen_ ? chosen_->in_flight() : 0; }

  void drain(base::TimePoint now) override {
    if (chosen_) return chosen_->drain(now);
    finished_ = true;
  }
  void give_up() override {
    if (chosen_) chosen_->give_up();
  }
  void abort() override {
    if (chosen_) return chosen_->abort();
    finished_ = true;
  }

  std::optional<base::TimePoint> deadline() const override {
    return chosen_ ? chosen_->deadline() : deadline_;
  }
  void on_deadline(base::TimePoint now) override {
    if (chosen_) return chosen_->on_deadline(now);
    finished_ = true;
  }

 private:
  // Hands over what was received so far, in as many pieces as the protocol has room for.
  void choose(const MakeProtocol& make, base::TimePoint now) {
    chosen_ = make();
    base::Bytes rest = base::Bytes(first_).first(size_);
    while (!rest.empty() && chosen_->wants_read()) {
      const base::MutableBytes room = chosen_->receive_buffer();
      const std::size_t count = std::min(room.size(), rest.size());
      if (count == 0) break;
      std::memcpy(room.data(), rest.data(), count);
      rest = rest.subspan(count);
      chosen_->received(count, now);
    }
  }

  const MakeProtocol http1_;
  const MakeProtocol http2_;
  const base::TimePoint deadline_;
  std::array<std::byte, kPreface.size()> first_{};
  std::size_t size_ = 0;
  bool finished_ = false;
  base::Chain nothing_;
  std::unique_ptr<http::Protocol> chosen_;
};

Protocols by_alpn(std::string_view alpn, Protocols allowed) {
  if (alpn == "h2") return Protocols::kHttp2;
  // RFC 7301: a client that does not negotiate is given the oldest.
  return allowed == Protocols::kHttp2 ? Protocols::kHttp2 : Protocols::kHttp1;
}

// What all connections of one factory share. They may refer to it, so it lives as long as the last
// copy of the factory.
struct Shared {
  Handlers handlers;
  ProtocolOptions options;
};

std::unique_ptr<http::Protocol> make_protocol(const std::shared_ptr<const Shared>& shared,
                                              Handlers handlers, const Peer& peer,
                                              std::shared_ptr<http::Strand> strand) {
  // Written out once per connection; requests refer to it.
  const std::string from = peer.address.text();
  const std::string_view scheme = peer.tls ? "https" : "http";
  const MakeProtocol http1 = [shared, handlers, strand, from, scheme, give = peer.hand_over] {
    return std::make_unique<http1::Connection>(handlers.http1, strand, shared->options.http1,
                                               base::Clock::now(),
                                               http1::Client{from, scheme, give});
  };
  const MakeProtocol http2 = [shared, handlers, strand, from] {
    return std::make_unique<http2::Connection>(handlers.http2, strand, shared->options.http2,
                                               base::Clock::now(), from);
  };
  const Protocols allowed = shared->options.protocols;
  const Protocols protocols =
      peer.tls || !peer.alpn.empty() ? by_alpn(peer.alpn, allowed) : allowed;
  if (protocols == Protocols::kHttp1) return http1();
  if (protocols == Protocols::kHttp2) return http2();
  return make_sniffer(http1, http2, base::Clock::now() + shared->options.first_byte_timeout);
}

// The other end is a server like this one: it opens as many requests as its clients do, and resets
// those that they give up.
ProtocolOptions for_links(ProtocolOptions options) {
  constexpr http2::Rate kAny{.burst = 1'000'000'000, .per_second = 1'000'000'000};
  options.protocols = Protocols::kHttp2;
  options.http2.abuse.peer_resets = kAny;
  options.http2.abuse.pings = kAny;
  options.http2.abuse.settings = kAny;
  options.http2.abuse.dribbles = kAny;
  options.http2.max_concurrent_streams = std::numeric_limits<std::int32_t>::max();
  options.http2.max_header_list_size += kLinkHeaders;
  options.http2.idle_timeout = {};
  options.http2.max_connection_age = {};
  options.http2.keepalive_without_calls = false;
  return options;
}

ProtocolOptions for_refusals(ProtocolOptions options) {
  options.http1.limits.max_requests = 1;
  return options;
}

}  // namespace

std::unique_ptr<http::Protocol> make_sniffer(MakeProtocol http1, MakeProtocol http2,
                                             base::TimePoint deadline) {
  return std::make_unique<Sniffer>(std::move(http1), std::move(http2), deadline);
}

ProtocolFactory make_protocol_factory(Handlers handlers, ProtocolOptions options) {
  auto refusals = std::make_shared<const Shared>(handlers, for_refusals(options));
  auto links = std::make_shared<const Shared>(handlers, for_links(options));
  auto usual = std::make_shared<const Shared>(handlers, std::move(options));
  return [usual, links, refusals](const Peer& peer, std::shared_ptr<http::Strand> strand) {
    if (peer.kind != PeerKind::kOverCap) {
      const auto& shared = peer.kind == PeerKind::kLink ? links : usual;
      return make_protocol(shared, shared->handlers, peer, std::move(strand));
    }
    return make_refusal(usual->handlers.http1, base::Clock::now(), [&](http::Handler& refusing) {
      return make_protocol(refusals, {refusing, refusing}, peer, std::move(strand));
    });
  };
}

}  // namespace tfe::server
