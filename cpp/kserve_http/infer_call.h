// One inference over HTTP: collects the body, decodes it, runs it, answers.
//
// Body and answer are handled on the connection's strand; the response is encoded on the thread of
// the core that delivers it. Held by the protocol while the request arrives, then by the inference
// until its only event. A client that goes away cancels the inference.
#pragma once

#include <memory>
#include <string>

#include "http/exchange.h"
#include "kserve/inference.h"
#include "kserve_http/body_buffer.h"
#include "kserve_http/infer_framing.h"
#include "kserve_http/infer_output.h"
#include "kserve_http/infer_request.h"
#include "kserve_http/options.h"
#include "kserve_http/reply.h"

namespace tfe::kserve_http {

class InferCall final : public http::RequestSink,
                        public kserve::InferReceiver,
                        public std::enable_shared_from_this<InferCall> {
 public:
  // Returns the sink for on_request; answers at once what the head alone decides.
  static std::shared_ptr<http::RequestSink> start(std::shared_ptr<Context> context,
                                                  std::string model, std::int64_t version,
                                                  const http::RequestHead& head,
                                                  http::Exchange& exchange);

  InferCall(std::shared_ptr<Context> context, std::string model, std::int64_t version,
            const InferFraming& framing, const http::RequestHead& head, http::Exchange& exchange);

  base::MutableBytes body_buffer(std::size_t wanted) override { return body_.room(wanted); }
  void on_body(base::Bytes piece) override;
  void on_end() override;
  void on_abort() override;

  void on_event(kserve::InferEvent event) override;

 private:
  base::Result<DecodedInfer> decode() const;
  void finish(Reply reply);

  std::shared_ptr<Context> context_;
  http::Exchange* exchange_;  // null once answered or aborted; on the strand only
  std::shared_ptr<http::Strand> strand_;
  std::string model_;
  std::int64_t version_;
  InferFraming framing_;
  BodyBuffer body_;
  OutputKinds kinds_;       // written before the inference starts
  kserve::InferCall call_;  // on the strand only
};

}  // namespace tfe::kserve_http
