// Encodes an inference response: JSON text, and the binary tensors behind it, which are sent from
// the memory that the model wrote.
#pragma once

#include <memory>

#include "base/status.h"
#include "kserve/inference.h"
#include "kserve_http/infer_output.h"
#include "kserve_http/infer_style.h"
#include "kserve_http/reply.h"

namespace tfe::kserve_http {

// A response parameter as JSON.
void append_parameter_value(std::string& out, const triton::ParameterValue& value);

base::Result<Reply> encode_infer(std::shared_ptr<const kserve::InferResponse> response,
                                 const OutputKinds& kinds, const InferStyle& style);

}  // namespace tfe::kserve_http
