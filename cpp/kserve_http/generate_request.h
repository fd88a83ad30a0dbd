// Decodes the body of a generate request (Triton's generate extension): a flat JSON object whose
// keys are inputs of the model or request parameters.
//
// * A key that names an input gives its values: one value, or an array of them. The type is the
//   model's; the shape is the model's with the count of values put into its innermost variable
//   dimension. An empty array is a tensor without elements.
// * "id" is the request's id, and besides what any other key is.
// * "parameters" holds an object whose members are mapped by the same rules. There, and not at the
//   top, the protocol's own parameters mean what they mean in an infer request: sequence_id,
//   sequence_start, sequence_end, priority and timeout, if the value has their type.
// * Every other key is a parameter that the model sees, also those five: models written for Triton,
//   which gives them no meaning here, read them themselves.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "kserve/request.h"
#include "kserve_http/model_inputs.h"
#include "kserve_http/options.h"

namespace tfe::kserve_http {

// `json`: followed by padding for codec::JsonReader.
base::Result<kserve::InferRequest> decode_generate(std::string model, std::int64_t version,
                                                   const std::vector<ModelInput>& inputs,
                                                   base::Bytes json, const Options& options);

}  // namespace tfe::kserve_http
