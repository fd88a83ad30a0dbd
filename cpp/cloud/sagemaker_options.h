// What can be set about the SageMaker endpoints beyond kserve_http::Options. Defaults are those of
// Triton's SageMaker endpoint.
#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace tfe::cloud {

struct SageMakerOptions {
  // "live": GET /ping tells liveness. Anything else: readiness.
  std::string ping_mode = "ready";
  // The model of POST /invocations; its version is up to the model's version policy.
  std::string default_model = "unspecified_SAGEMAKER_TRITON_DEFAULT_MODEL_NAME";
  // "infer", "generate" or "generate_stream": what POST /invocations is. With anything else every
  // invocation is refused, as it is by Triton.
  std::string inference_type = "infer";
  // Where SageMaker puts the models that POST /models names. Nothing outside is ever loaded.
  std::string models_root = "/opt/ml/models";
  // How long DELETE /models/<name> waits for the requests in flight of the model. SageMaker gives
  // up after 360 seconds itself.
  std::chrono::milliseconds unload_timeout{350'000};
  // Told of every load, on any thread; may be empty.
  std::function<void(const std::string&)> log = {};
};

}  // namespace tfe::cloud
