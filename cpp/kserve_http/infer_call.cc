#include "kserve_http/infer_call.h"

#include <utility>

#include "kserve_http/infer_request.h"
#include "kserve_http/infer_response.h"

namespace tfe::kserve_http {
namespace {

constexpr std::string_view kDecoupled =
    "HTTP end point doesn't support models with decoupled transaction policy";

// Tensor bytes from which on a response is encoded by a worker: some milliseconds as JSON text,
// and a multiple of that to compress.
constexpr std::size_t kHeavyText = 512 * 1024;
constexpr std::size_t kHeavyCoding = 16 * 1024;

}  // namespace

std::shared_ptr<http::RequestSink> InferCall::start(const InferenceStart& start) {
  if (hand_over(start)) return no_sink();
  const auto status =
      start.context->inference.check_single_response(start.model, start.version, kDecoupled);
  if (!status) return answer(start.exchange, start.style.error(status.error()));
  auto plan = read_infer_head(start.head, start.context->options, start.style);
  if (!plan) return answer(start.exchange, refuse_request(plan.error(), start.style));
  return admit<InferCall>(start, std::move(plan->body), plan->framing);
}

base::Result<kserve::InferRequest> InferCall::decode(const RequestBody& body) {
  const base::Bytes bytes = body.bytes();
  const auto take = [this](DecodedInfer&& decoded) {
    kinds_ = std::move(decoded.outputs);
    return std::move(decoded.request);
  };
  if (framing_.raw()) return take(raw_infer(model_, version_, bytes, body.owner()));
  if (!framing_.json_size && bytes.empty()) return std::unexpected(empty_body());
  const std::uint64_t json_size = framing_.json_size.value_or(bytes.size());
  if (json_size > bytes.size()) {
    return std::unexpected(header_out_of_range(bytes.size(), std::to_string(json_size)));
  }
  const InferBody parts{bytes.first(json_size), bytes.subspan(json_size), body.owner()};
  auto decoded = decode_infer(model_, version_, parts, context_->options);
  if (!decoded) return std::unexpected(std::move(decoded).error());
  return take(*std::move(decoded));
}

base::Result<kserve::InferCall> InferCall::submit(kserve::InferRequest&& request) {
  return context_->inference.submit_single(std::move(request), shared_from_this());
}

bool InferCall::heavy(const kserve::InferEvent& event) const {
  if (!event.response) return false;
  std::size_t text = 0;
  std::size_t all = 0;
  for (const kserve::ResponseOutput& output : event.response->outputs) {
    all += output.data.size();
    if (!kinds_.is_binary(output.name)) text += output.data.size();
  }
  return text > kHeavyText || (all > kHeavyCoding && coding_.applies(all));
}

Reply InferCall::make_reply(kserve::InferEvent event) const {
  if (event.error) return style_.error(*event.error);
  auto reply = encode_infer(std::move(event.response), kinds_, style_);
  if (!reply) return style_.error(reply.error());
  coding_.apply(*reply);
  return *std::move(reply);
}

void InferCall::on_event(kserve::InferEvent event) {
  if (!event.error && !event.response) return;
  trace_mark(trace_, kResponseComplete);
  if (heavy(event)) {
    // Shared, so that the event is still there when no worker takes it.
    const auto shared = std::make_shared<kserve::InferEvent>(std::move(event));
    const auto status = context_->work(
        [this, self = shared_from_this(), shared] { post_reply(make_reply(std::move(*shared))); });
    if (status) return;
    event = std::move(*shared);
  }
  post_reply(make_reply(std::move(event)));
}

}  // namespace tfe::kserve_http
