// What generate and generate_stream have in common: the request, and the load report that is sent
// with the head of the answer if the client asked for it.
//
// The report is made on a worker while the model computes its first response; an answer that is
// ready earlier waits for it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kserve_http/inference_sink.h"
#include "kserve_http/load_report.h"
#include "kserve_http/model_inputs.h"

namespace tfe::kserve_http {

class GenerateSink : public InferenceSink {
 public:
  GenerateSink(const InferenceStart& start, BodyPlan body, kserve::Admission::Ticket ticket,
               std::vector<ModelInput> inputs);

 protected:
  base::Result<kserve::InferRequest> decode(const RequestBody& body) override;
  base::Result<kserve::InferCall> submit(kserve::InferRequest&& request) override;

  // On the strand. Whether the head may be sent; if not, on_report() will come.
  bool report_ready() const { return report_ready_; }
  virtual void on_report() = 0;
  void add_report(http::ResponseHead& head);

 private:
  void fetch_report();
  void take_report(std::string report);

  std::vector<ModelInput> inputs_;
  std::optional<LoadFormat> load_format_;
  bool report_ready_ = true;
  std::string report_;  // empty: none
};

// What start_generate() needs: the model's inputs and the plan for the body.
struct GeneratePlan {
  std::vector<ModelInput> inputs;
  BodyPlan body;
};
base::Result<GeneratePlan> plan_generate(const InferenceStart& start);

// Checks, in the order of the protocol's rules, what the head decides, then makes the sink.
template <typename Sink>
std::shared_ptr<http::RequestSink> start_generate(const InferenceStart& start) {
  if (hand_over(start)) return no_sink();
  auto plan = plan_generate(start);
  if (!plan) return answer(start.exchange, refuse_request(plan.error(), start.style));
  return admit<Sink>(start, std::move(plan->body), std::move(plan->inputs));
}

}  // namespace tfe::kserve_http
