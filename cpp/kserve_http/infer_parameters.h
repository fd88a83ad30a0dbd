// Decodes the "parameters" of an inference request: the reserved names into fields of the request,
// every other into a custom parameter.
#pragma once

#include "base/status.h"
#include "codec/json_reader.h"
#include "kserve/request.h"
#include "kserve_http/infer_output.h"
#include "kserve_http/options.h"

namespace tfe::kserve_http {

base::Status decode_parameters(codec::JsonValue object, const Options& options,
                               kserve::InferRequest& request, OutputKinds& kinds);

// A custom parameter's value: string, boolean, integer, or, where that does not fit, double.
base::Result<triton::ParameterValue> decode_parameter_value(std::string_view key,
                                                            codec::JsonValue value);

}  // namespace tfe::kserve_http
