// Triton's system and CUDA shared memory extensions: status, registration, unregistration.
//
// Status is answered on the loop, since it waits for nothing; the others make system calls and work
// on the executor. Without Options::allow_client_shm only status is answered.
#pragma once

#include <memory>

#include "http/exchange.h"
#include "kserve_http/endpoints.h"

namespace tfe::kserve_http {

std::shared_ptr<http::RequestSink> start_system_memory_status(const EndpointCall& call);
// Body: {"key":string,"offset":uint (default 0),"byte_size":uint}.
std::shared_ptr<http::RequestSink> start_system_memory_register(const EndpointCall& call);
std::shared_ptr<http::RequestSink> start_system_memory_unregister(const EndpointCall& call);

std::shared_ptr<http::RequestSink> start_cuda_memory_status(const EndpointCall& call);
// Body: {"raw_handle":{"b64":string},"device_id":uint,"byte_size":uint}.
std::shared_ptr<http::RequestSink> start_cuda_memory_register(const EndpointCall& call);
std::shared_ptr<http::RequestSink> start_cuda_memory_unregister(const EndpointCall& call);

}  // namespace tfe::kserve_http
