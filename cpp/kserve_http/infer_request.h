// Decodes the body of an inference request: JSON text, and the binary tensors behind it.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/status.h"
#include "kserve/request.h"
#include "kserve_http/infer_output.h"
#include "kserve_http/options.h"

namespace tfe::kserve_http {

struct InferBody {
  // Followed by codec::JsonReader::kPadding readable bytes, which may be those of `binary`.
  base::Bytes json;
  base::Bytes binary;
  base::Owner owner;  // of both
};

struct DecodedInfer {
  kserve::InferRequest request;
  OutputKinds outputs;
};

base::Result<DecodedInfer> decode_infer(std::string model, std::int64_t version,
                                        const InferBody& body, const Options& options);

// A request without JSON: the whole body is the model's only input, all outputs are binary.
DecodedInfer raw_infer(std::string model, std::int64_t version, base::Bytes body,
                       base::Owner owner);

}  // namespace tfe::kserve_http
