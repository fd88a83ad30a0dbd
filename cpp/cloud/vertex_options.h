// What can be set about the Vertex AI endpoints beyond kserve_http::Options.
#pragma once

#include <string>

namespace tfe::cloud {

struct VertexOptions {
  // Paths as AIP_PREDICT_ROUTE and AIP_HEALTH_ROUTE have them. Compared literally, not as regular
  // expressions as Triton does: a '.' in a route is a '.'.
  std::string predict_route;
  std::string health_route;
  // The model of the predict route; its version is up to the model's version policy. Empty: the
  // only model there is.
  std::string default_model;
};

}  // namespace tfe::cloud
