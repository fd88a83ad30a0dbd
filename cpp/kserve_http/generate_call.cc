#include "kserve_http/generate_call.h"

#include <utility>

#include "kserve_http/generate_response.h"

namespace tfe::kserve_http {
namespace {

using Outcome = base::Result<std::shared_ptr<const kserve::InferResponse>>;

// Response bytes from which on a worker encodes and compresses; see InferCall.
constexpr std::size_t kHeavy = 64 * 1024;

std::unexpected<base::Error> not_one_response() {
  return base::fail(base::Code::kInternal,
                    "generate expects model to produce exactly 1 response, use generate stream for "
                    "model that generates various number of responses");
}

std::size_t size_of(const Outcome& outcome) {
  std::size_t size = 0;
  if (outcome) {
    for (const kserve::ResponseOutput& output : (*outcome)->outputs) size += output.data.size();
  }
  return size;
}

}  // namespace

// What the request is answered with, as soon as that is known.
std::optional<Outcome> GenerateCall::note(kserve::InferEvent& event) {
  const std::lock_guard lock(mutex_);
  if (progress_ == Progress::kAnswered) return std::nullopt;
  std::optional<Outcome> outcome;
  if (event.error) {
    outcome = std::unexpected(*std::move(event.error));
  } else if (event.response && progress_ == Progress::kOneResponse) {
    outcome = not_one_response();
  } else if (event.response) {
    first_ = std::move(event.response);
    progress_ = Progress::kOneResponse;
  }
  if (!outcome && event.final) {
    outcome = progress_ == Progress::kOneResponse ? Outcome(std::move(first_)) : not_one_response();
  }
  if (outcome) {
    progress_ = Progress::kAnswered;
    first_.reset();
  }
  return outcome;
}

Reply GenerateCall::make_reply(Outcome outcome) const {
  if (!outcome) return style_.error(outcome.error());
  auto text = encode_generate(**outcome);
  if (!text) return style_.error(text.error());
  Reply reply = text_reply(*std::move(text), kJson);
  coding_.apply(reply);
  return reply;
}

void GenerateCall::on_event(kserve::InferEvent event) {
  if (event.response || event.error) trace_mark(trace_, kResponseComplete);
  auto outcome = note(event);
  if (!outcome) return;
  const bool early = !event.final;
  const bool heavy = size_of(*outcome) > kHeavy;
  const auto work = [this, early, self = shared_from_this(),
                     shared = std::make_shared<Outcome>(*std::move(outcome))] {
    Reply reply = make_reply(std::move(*shared));
    const bool small = reply.body.size() <= kSendHere;
    strand_->post([this, self, early,
                   reply = std::move(reply)]() mutable { finish(std::move(reply), early); },
                  small ? http::Strand::Where::kHere : http::Strand::Where::kLoop);
  };
  if (heavy && context_->work(work)) return;
  work();
}

void GenerateCall::finish(Reply reply, bool early) {
  // What the model goes on with has no reader.
  if (early) cancel();
  if (exchange_ == nullptr) return;
  waiting_ = std::move(reply);
  if (report_ready()) on_report();
}

void GenerateCall::on_report() {
  if (!waiting_) return;
  add_report(waiting_->head);
  respond(*std::exchange(waiting_, std::nullopt));
}

}  // namespace tfe::kserve_http
