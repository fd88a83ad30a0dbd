// POST /v2/models/<model>/infer: one inference with one response.
//
// The response is encoded on the thread of the core that delivers it, or, when that is much work,
// on a worker: the core's thread also runs models.
#pragma once

#include <memory>
#include <string>

#include "kserve_http/infer_framing.h"
#include "kserve_http/infer_output.h"
#include "kserve_http/inference_sink.h"

namespace tfe::kserve_http {

class InferCall final : public InferenceSink {
 public:
  // Returns the sink for on_request; answers at once what the head alone decides.
  static std::shared_ptr<http::RequestSink> start(const InferenceStart& start);

  InferCall(const InferenceStart& start, BodyPlan body, kserve::Admission::Ticket ticket,
            InferFraming framing)
      : InferenceSink(start, std::move(body), std::move(ticket)), framing_(framing) {}

  void on_event(kserve::InferEvent event) override;

 protected:
  base::Result<kserve::InferRequest> decode(const RequestBody& body) override;
  base::Result<kserve::InferCall> submit(kserve::InferRequest&& request) override;

 private:
  bool heavy(const kserve::InferEvent& event) const;
  Reply make_reply(kserve::InferEvent event) const;

  InferFraming framing_;
  OutputKinds kinds_;  // written before the inference starts
};

}  // namespace tfe::kserve_http
