// Options of the frontends out of the dicts that the Python Options classes make.
#pragma once

#include <nanobind/nanobind.h>

#include "frontend/cloud_frontends.h"
#include "frontend/options.h"

namespace tfe::bindings {

// Each throws BindingError (kInvalidArgument) that names a key which is missing or of another type.
frontend::HttpOptions http_options(const nanobind::dict& options);
frontend::GrpcOptions grpc_options(const nanobind::dict& options);
frontend::MetricsOptions metrics_options(const nanobind::dict& options);
frontend::SageMakerOptions sagemaker_options(const nanobind::dict& options);
frontend::VertexAiOptions vertex_ai_options(const nanobind::dict& options);

// The parts that frontends share.
frontend::Endpoint endpoint_options(const nanobind::dict& options, const char* thread_count);
frontend::Http http1_options(const nanobind::dict& options);
frontend::Service service_options(const nanobind::dict& options);
http2::Options http2_options(const nanobind::dict& options);
grpc::RouterOptions call_options(const nanobind::dict& options);

}  // namespace tfe::bindings
