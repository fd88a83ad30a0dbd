#include "kserve_http/generate_sink.h"

#include <utility>

#include "kserve_http/blocking_call.h"
#include "kserve_http/generate_request.h"
#include "kserve_http/infer_framing.h"

namespace tfe::kserve_http {

base::Result<GeneratePlan> plan_generate(const InferenceStart& start) {
  GeneratePlan plan;
  auto metadata = start.context->server->model_metadata(start.model, start.version);
  if (!metadata) return std::unexpected(std::move(metadata).error());
  auto inputs = parse_model_inputs(*std::move(metadata));
  if (!inputs) return std::unexpected(std::move(inputs).error());
  plan.inputs = *std::move(inputs);
  auto codings = read_codings(start.head, start.style);
  if (!codings) return std::unexpected(std::move(codings).error());
  plan.body.content_length = start.head.content_length;
  plan.body.codings = *std::move(codings);
  plan.body.limit = start.context->options.max_input_size;
  plan.body.too_large = json_too_large;
  const std::int64_t announced = start.head.content_length;
  if (plan.body.codings.empty() && announced > 0 &&
      static_cast<std::uint64_t>(announced) > plan.body.limit) {
    return std::unexpected(json_too_large(static_cast<std::uint64_t>(announced), plan.body.limit));
  }
  return plan;
}

GenerateSink::GenerateSink(const InferenceStart& start, BodyPlan body,
                           kserve::Admission::Ticket ticket, std::vector<ModelInput> inputs)
    : InferenceSink(start, std::move(body), std::move(ticket)),
      inputs_(std::move(inputs)),
      load_format_(wanted_load_format(start.head)) {}

base::Result<kserve::InferRequest> GenerateSink::decode(const RequestBody& body) {
  return decode_generate(model_, version_, inputs_, body.bytes(), context_->options);
}

base::Result<kserve::InferCall> GenerateSink::submit(kserve::InferRequest&& request) {
  auto call = context_->inference.submit(std::move(request), shared_from_this());
  if (call && load_format_) fetch_report();
  return call;
}

void GenerateSink::fetch_report() {
  report_ready_ = false;
  const auto status = context_->work([this, self = shared_from_this(), format = *load_format_] {
    const auto metrics = context_->server->metrics();
    std::string report;
    if (metrics) report = load_report(*metrics, format).value_or("");
    strand_->post(
        [this, self, report = std::move(report)]() mutable { take_report(std::move(report)); },
        http::Strand::Where::kHere);
  });
  // Too busy to say how busy.
  if (!status) report_ready_ = true;
}

void GenerateSink::take_report(std::string report) {
  report_ready_ = true;
  report_ = std::move(report);
  if (exchange_ != nullptr) on_report();
}

void GenerateSink::add_report(http::ResponseHead& head) {
  if (!report_.empty()) head.headers.push_back({"endpoint-load-metrics", report_});
}

}  // namespace tfe::kserve_http
