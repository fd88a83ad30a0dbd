#include "cloud/pending_reply.h"

#include <utility>

namespace tfe::cloud {

std::shared_ptr<http::RequestSink> PendingReply::start(http::Exchange& exchange, Start start) {
  auto sink = std::make_shared<PendingReply>(exchange, std::move(start));
  exchange.send_continue();
  return sink;
}

PendingReply::PendingReply(http::Exchange& exchange, Start start)
    : exchange_(&exchange), strand_(exchange.strand()), start_(std::move(start)) {}

void PendingReply::on_end() {
  // Gone when this returns: what it holds must not be let go by whoever delivers.
  Start start = std::move(start_);
  start([self = shared_from_this()](kserve_http::Reply reply) {
    http::Strand& strand = *self->strand_;
    strand.post([self, reply = std::move(reply)]() mutable { self->finish(std::move(reply)); },
                http::Strand::Where::kLoop);
  });
}

void PendingReply::finish(kserve_http::Reply reply) {
  if (http::Exchange* exchange = std::exchange(exchange_, nullptr)) {
    kserve_http::send(*exchange, std::move(reply));
  }
}

}  // namespace tfe::cloud
