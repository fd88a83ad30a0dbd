#include "kserve_http/request_body.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace tfe::kserve_http {
namespace {

using base::Code;
using base::Status;

// Larger bodies are decoded by a worker: reading JSON takes a millisecond per megabyte, sometimes
// ten, during which a loop serves nobody else.
constexpr std::size_t kHeavy = std::size_t{1} << 20;
// A compressed body may expand a thousandfold, and a thousandfold again with each further coding.
constexpr std::size_t kHeavyCoded = kHeavy / 1024;
// Of an expanded body at a time; also the most that is charged or taken beyond a limit.
constexpr std::size_t kExpandStep = 64 * 1024;

// A coding adds a few bytes per block and a header to what it cannot compress. More than that is
// padding without content.
std::uint64_t coded_limit(std::uint64_t limit) { return limit + limit / 64 + 4096; }

base::Error no_memory() {
  return {Code::kResourceExhausted, "not enough memory for the request body"};
}

base::Error decompressed_too_large(std::uint64_t limit) {
  return {Code::kInvalidArgument, "Decompressed data size exceeds the maximum allowed value of " +
                                      std::to_string(limit) +
                                      " bytes. Use --http-max-input-size to increase the limit."};
}

}  // namespace

base::Error raw_too_large(std::uint64_t size, std::uint64_t limit) {
  return {Code::kInvalidArgument, "Raw input has a byte_size (" + std::to_string(size) +
                                      " bytes) that exceeds the maximum allowed value of " +
                                      std::to_string(limit) +
                                      " bytes. Use --http-max-input-size to increase the limit."};
}

// Expands into a second buffer, charging what it takes.
class RequestBody::Expansion final : public http::DecodedOutput {
 public:
  Expansion(RequestBody& body, std::uint64_t limit)
      : limit_(limit),
        ticket_(body.ticket_),
        charged_(body.received_.size()),
        buffer_(-1, body.plan_.binary_offset, limit) {}

  base::MutableBytes room() override {
    const std::uint64_t left = limit_ - buffer_.size();
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(kExpandStep, left));
    if (auto status = ticket_.grow_to(charged_ + buffer_.size() + wanted); !status) {
      refused_ = status.error();
      return {};
    }
    room_ = buffer_.room(wanted);
    return room_;
  }
  void filled(std::size_t count) override { (void)buffer_.add(room_.first(count)); }

  const std::optional<base::Error>& refused() const { return refused_; }
  BodyBuffer take() { return std::move(buffer_); }

 private:
  std::uint64_t limit_;
  kserve::Admission::Ticket& ticket_;
  std::uint64_t charged_;
  BodyBuffer buffer_;
  base::MutableBytes room_;
  std::optional<base::Error> refused_;
};

RequestBody::RequestBody(const Options& options, BodyPlan plan, kserve::Admission::Ticket ticket)
    : options_(options),
      plan_(std::move(plan)),
      ticket_(std::move(ticket)),
      received_(plan_.content_length, plan_.codings.empty() ? plan_.binary_offset : 0,
                plan_.codings.empty() ? plan_.limit : coded_limit(options_.max_input_size)) {}

Status RequestBody::add(base::Bytes piece) {
  const std::uint64_t size = received_.size() + piece.size();
  if (auto status = ticket_.grow_to(size); !status) return status;
  if (received_.add(piece)) return {};
  if (!received_.exceeded()) return std::unexpected(no_memory());
  return std::unexpected(plan_.codings.empty() ? plan_.too_large(size, plan_.limit)
                                               : decompressed_too_large(options_.max_input_size));
}

bool RequestBody::heavy() const {
  const std::size_t codings = plan_.codings.size();
  return codings > 1 || received_.size() > (codings == 0 ? kHeavy : kHeavyCoded);
}

Status RequestBody::decode() {
  if (plan_.codings.empty()) return {};
  Expansion expansion(*this, options_.max_input_size);
  http::ContentDecoder decoder(plan_.codings, options_.max_input_size, expansion);
  auto status = decoder.write(received_.bytes());
  if (status) status = decoder.finish();
  if (expansion.refused()) return std::unexpected(*expansion.refused());
  if (decoder.exceeded()) return std::unexpected(decompressed_too_large(options_.max_input_size));
  if (!status) return status;
  received_ = expansion.take();
  return {};
}

void RequestBody::release() { received_ = BodyBuffer(0, 0, 0); }

}  // namespace tfe::kserve_http
