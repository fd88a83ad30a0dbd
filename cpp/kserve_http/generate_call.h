// POST /v2/models/<model>/generate: one inference, one response as a flat JSON object. Models that
// give none or several are answered 500, at once when the second response comes, and cancelled.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "kserve_http/generate_sink.h"

namespace tfe::kserve_http {

class GenerateCall final : public GenerateSink {
 public:
  // As InferCall::start.
  static std::shared_ptr<http::RequestSink> start(const InferenceStart& start) {
    return start_generate<GenerateCall>(start);
  }

  using GenerateSink::GenerateSink;

  void on_event(kserve::InferEvent event) override;

 protected:
  void on_report() override;

 private:
  enum class Progress : std::uint8_t { kWaiting, kOneResponse, kAnswered };

  std::optional<base::Result<std::shared_ptr<const kserve::InferResponse>>> note(
      kserve::InferEvent& event);
  Reply make_reply(base::Result<std::shared_ptr<const kserve::InferResponse>> result) const;
  void finish(Reply reply, bool early);

  // A backend may answer one request from several threads.
  std::mutex mutex_;
  Progress progress_ = Progress::kWaiting;
  std::shared_ptr<const kserve::InferResponse> first_;

  std::optional<Reply> waiting_;  // for the load report; on the strand only
};

}  // namespace tfe::kserve_http
