// Responses that outlive their request: what repeat and split send through a response factory.
#pragma once

#include <memory>
#include <vector>

#include "kit/api.h"
#include "kit/error.h"
#include "kit/tensors.h"

namespace tfe::backend {

// Movable into a thread. The model stays loaded while this lives.
class Stream {
 public:
  // Takes the outputs' contents, so that the request can be released right after.
  static Error open(TRITONBACKEND_Request* request, Stream* stream);

  // One response: the mirrored inputs, and the INT32 output INDEX if the request asked for it.
  Error send(std::int32_t index, bool final) const;
  // A response that carries `error` and ends the stream.
  void fail(Error error) const;
  // The end without a response.
  Error finish() const;
  bool cancelled() const;

 private:
  struct FactoryDeleter {
    void operator()(TRITONBACKEND_ResponseFactory* factory) const {
      ignore(TRITONBACKEND_ResponseFactoryDelete(factory));
    }
  };

  Error fill(TRITONBACKEND_Response* response, std::int32_t index) const;

  std::unique_ptr<TRITONBACKEND_ResponseFactory, FactoryDeleter> factory_;
  std::vector<Tensor> outputs_;
  bool wants_index_ = false;
};

}  // namespace tfe::backend
