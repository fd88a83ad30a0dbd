// The frontends of cloud platforms' containers, made like those of frontends.h.
#pragma once

#include <memory>

#include "cloud/sagemaker_options.h"
#include "cloud/vertex_options.h"
#include "frontend/frontends.h"
#include "frontend/options.h"
#include "triton/server.h"

namespace tfe::frontend {

struct SageMakerOptions {
  Endpoint endpoint;
  Http http;
  Service service;
  // Its log function is set by make_sagemaker.
  cloud::SageMakerOptions sagemaker;
};

struct VertexAiOptions {
  Endpoint endpoint;
  Http http;
  Service service;
  cloud::VertexOptions vertex;
};

NewFrontend make_sagemaker(std::shared_ptr<triton::Server> server, const SageMakerOptions& options);
// Asks the core for its models, see cloud::find_default_model: kInvalidArgument if the default
// model cannot be told.
NewFrontend make_vertex_ai(std::shared_ptr<triton::Server> server, const VertexAiOptions& options);

}  // namespace tfe::frontend
