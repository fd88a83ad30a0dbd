// What can be set about the KServe v2 HTTP endpoints. Limits of HTTP itself are http1::Limits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "kserve/executor.h"
#include "kserve/inference.h"

namespace tfe::kserve_http {

struct Options {
  // Bytes of JSON text of any request, of each tensor given in JSON, and of a raw binary request.
  // The default of Triton's --http-max-input-size. Answered 400 before memory is taken.
  std::uint64_t max_input_size = std::uint64_t{64} << 20;
  // Nesting of a JSON tensor; deeper data is refused because reading it recurses. Triton's value.
  int max_data_depth = 100;
  // Entries of one request's inputs, outputs and parameters: far above any model, but a request of
  // the largest size could hold millions, each an object of the core. Answered 400.
  std::size_t max_tensors = 4096;
  std::size_t max_parameters = 4096;
};

// What every endpoint works with. Shared by the service and the requests in flight, which may
// outlive it. The executor outlives both.
struct Context {
  std::shared_ptr<triton::Server> server;
  kserve::Inference inference;
  kserve::Executor& executor;
  Options options;
};

}  // namespace tfe::kserve_http
