#include "frontend/peer_route.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "grpc/framing.h"

namespace tfe::frontend {
namespace {

using Where = http::Strand::Where;

// Larger requests are left to the loop of the link: the thread that has them has others to read.
constexpr std::size_t kSmallRequest = 64U << 10;

// Of the hop to the client, not of the call, or set anew.
constexpr std::array<std::string_view, 6> kOwnHeaders = {
    "te", "content-type", "content-length", "grpc-encoding", "grpc-accept-encoding", "connection"};

struct Sent {
  std::atomic<bool> answered = false;
  // On the link's strand, once it was sent.
  std::optional<http2::ClientConnection::Id> id;
  bool cancelled = false;
  std::unique_ptr<PendingShare> share;
};

// Reads one answer on the link's strand.
class ReplyReader final : public http2::ResponseReceiver {
 public:
  ReplyReader(grpc::Route::OnReply on_reply, std::shared_ptr<Sent> sent,
              std::shared_ptr<ForwardCounters> counters)
      : on_reply_(std::move(on_reply)),
        sent_(std::move(sent)),
        counters_(std::move(counters)),
        reader_(grpc::kMaxMessageSize, nullptr) {}

  void on_header(std::string_view name, std::string_view value) override {
    if (name == "grpc-message") text_ = grpc::percent_decode(value);
    if (name != "grpc-status") return;
    int code = 0;
    std::from_chars(value.data(), value.data() + value.size(), code);
    code_ = static_cast<grpc::Code>(code);
  }

  void on_data(base::Bytes data) override {
    while (!data.empty() && !failure_) {
      auto message = reader_.next(data);
      if (!message) {
        failure_ = std::move(message.error());
      } else if (*message) {
        message_ = *std::move(*message);
      }
    }
  }

  void on_end() override {
    if (failure_) return reply({.status = *std::move(failure_), .message = {}});
    if (!code_) return lost(false);
    grpc::ForwardedReply answer{.status = {*code_, std::move(text_)}, .message = {}};
    answer.message.append(message_.bytes, std::move(message_.owner));
    reply(std::move(answer));
  }

  void on_lost(bool untouched) override { lost(untouched); }

  void lost(bool untouched) {
    if (!untouched) counters_->failed.fetch_add(1, std::memory_order_relaxed);
    reply({.status = {grpc::Code::kUnavailable, "the worker that had this request has ended"},
           .message = {},
           .untouched = untouched});
  }

 private:
  void reply(grpc::ForwardedReply answer) {
    sent_->answered.store(true, std::memory_order_relaxed);
    sent_->share.reset();
    std::exchange(on_reply_, {})(std::move(answer));
  }

  grpc::Route::OnReply on_reply_;
  const std::shared_ptr<Sent> sent_;
  const std::shared_ptr<ForwardCounters> counters_;
  grpc::MessageReader reader_;
  grpc::Message message_;
  std::optional<grpc::Code> code_;
  std::string text_;
  std::optional<grpc::Status> failure_;
};

class PeerRoute final : public grpc::Route {
 public:
  PeerRoute(std::shared_ptr<PeerLink> link, std::unique_ptr<PendingShare> share,
            std::size_t max_message_size, std::shared_ptr<ForwardCounters> counters)
      : link_(std::move(link)),
        max_message_size_(max_message_size),
        counters_(std::move(counters)),
        sent_(std::make_shared<Sent>()) {
    sent_->share = std::move(share);
  }
  ~PeerRoute() override { cancel(); }

  std::size_t max_message_size() const override { return max_message_size_; }

  void send(std::string_view path, std::span<const http::HeaderView> headers, base::Chain message,
            OnReply on_reply) override {
    used_ = true;
    counters_->sent.fetch_add(1, std::memory_order_relaxed);
    const auto where = message.size() <= kSmallRequest ? Where::kHere : Where::kLoop;
    auto reader = std::make_shared<ReplyReader>(std::move(on_reply), sent_, counters_);
    link_->post(
        [sent = sent_, reader = std::move(reader), fields = copy(path, headers),
         body = grpc::frame_message(std::move(message))](http2::ClientConnection* link) mutable {
          if (sent->cancelled) return;
          const std::vector<http::HeaderView> views(fields.begin(), fields.end());
          if (link != nullptr) sent->id = link->request(views, std::move(body), reader);
          if (!sent->id) reader->lost(true);
        },
        where);
  }

  void cancel() override {
    if (!std::exchange(used_, false) || sent_->answered.load(std::memory_order_relaxed)) return;
    link_->post(
        [sent = sent_](http2::ClientConnection* link) {
          sent->cancelled = true;
          sent->share.reset();
          if (sent->id && link != nullptr) link->cancel(*sent->id);
        },
        Where::kHere);
  }

 private:
  struct Field {
    std::string name;
    std::string value;
    operator http::HeaderView() const { return {name, value}; }  // NOLINT: a view of it
  };

  static std::vector<Field> copy(std::string_view path, std::span<const http::HeaderView> headers) {
    std::vector<Field> fields{{":method", "POST"},
                              {":scheme", "http"},
                              {":path", std::string(path)},
                              {":authority", "peer"},
                              {"te", "trailers"},
                              {"content-type", "application/grpc"},
                              {std::string(grpc::kForwardedKey), "1"}};
    for (const auto& [name, value] : headers) {
      if (std::ranges::find(kOwnHeaders, name) != kOwnHeaders.end()) continue;
      fields.push_back({std::string(name), std::string(value)});
    }
    return fields;
  }

  const std::shared_ptr<PeerLink> link_;
  const std::size_t max_message_size_;
  const std::shared_ptr<ForwardCounters> counters_;
  const std::shared_ptr<Sent> sent_;
  bool used_ = false;
};

}  // namespace

std::unique_ptr<grpc::Route> make_route(std::shared_ptr<PeerLink> link,
                                        std::unique_ptr<PendingShare> share,
                                        std::size_t max_message_size,
                                        std::shared_ptr<ForwardCounters> counters) {
  return std::make_unique<PeerRoute>(std::move(link), std::move(share), max_message_size,
                                     std::move(counters));
}

}  // namespace tfe::frontend
