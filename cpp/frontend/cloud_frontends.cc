#include "frontend/cloud_frontends.h"

#include <utility>

#include "cloud/default_model.h"
#include "cloud/sagemaker.h"
#include "cloud/vertex_ai.h"
#include "frontend/http_application.h"
#include "triton/library.h"
#include "triton/logging.h"

namespace tfe::frontend {

NewFrontend make_sagemaker(std::shared_ptr<triton::Server> server,
                           const SageMakerOptions& options) {
  auto application = std::make_shared<HttpApplication<cloud::SageMaker>>(options.service.control);
  auto context = make_context(server, application->threads, options.service, options.endpoint);
  if (!context) return std::unexpected(std::move(context).error());
  cloud::SageMakerOptions sagemaker = options.sagemaker;
  // A line that cannot be logged must not fail a load.
  sagemaker.log = [server](const std::string& line) {
    (void)triton::log_message(server->library(), triton::LogLevel::kInfo, "sagemaker", 0, line);
  };
  application->handler =
      std::make_unique<cloud::SageMaker>(*std::move(context), std::move(sagemaker));
  return listen_http("SageMaker", std::move(server), std::move(application), options.endpoint,
                     options.http);
}

NewFrontend make_vertex_ai(std::shared_ptr<triton::Server> server, const VertexAiOptions& options) {
  cloud::VertexOptions vertex = options.vertex;
  auto model = cloud::find_default_model(*server, vertex.default_model);
  if (!model) return std::unexpected(std::move(model).error());
  vertex.default_model = *std::move(model);
  auto application = std::make_shared<HttpApplication<cloud::VertexAi>>(options.service.control);
  auto context = make_context(server, application->threads, options.service, options.endpoint);
  if (!context) return std::unexpected(std::move(context).error());
  application->handler = std::make_unique<cloud::VertexAi>(*std::move(context), std::move(vertex));
  return listen_http("Vertex AI", std::move(server), std::move(application), options.endpoint,
                     options.http);
}

}  // namespace tfe::frontend
