// A request whose answer comes later from any thread, with no thread waiting for it. The body is
// of no interest.
#pragma once

#include <functional>
#include <memory>

#include "http/exchange.h"
#include "kserve_http/reply.h"

namespace tfe::cloud {

class PendingReply final : public http::RequestSink,
                           public std::enable_shared_from_this<PendingReply> {
 public:
  // Any thread; may be called before `Start` returns, and once at most. Holds nothing of `Start`.
  using Deliver = std::move_only_function<void(kserve_http::Reply)>;
  // Runs on the connection's strand when the request has arrived in full.
  using Start = std::move_only_function<void(Deliver)>;

  // Returns the sink for on_request.
  static std::shared_ptr<http::RequestSink> start(http::Exchange& exchange, Start start);

  PendingReply(http::Exchange& exchange, Start start);

  void on_body(base::Bytes) override {}
  void on_end() override;
  void on_abort() override { exchange_ = nullptr; }

 private:
  void finish(kserve_http::Reply reply);

  http::Exchange* exchange_;  // null once answered or aborted; on the strand only
  std::shared_ptr<http::Strand> strand_;
  Start start_;
};

}  // namespace tfe::cloud
