// Encodes a response of a generate request: one flat JSON object of the response's parameters and
// outputs, in the alphabetical order of their names.
#pragma once

#include <string>

#include "base/status.h"
#include "kserve/inference.h"

namespace tfe::kserve_http {

// An output of one element is its value, any other a flat array. "id", "model_name" and
// "model_version" win over a parameter of that name, which wins over an output.
base::Result<std::string> encode_generate(const kserve::InferResponse& response);

// The same as one event of a stream: "data: <json>\n\n" (WHATWG HTML, server-sent events). JSON
// text holds no line break, so one data line is always enough.
std::string sse_event(std::string_view json);

}  // namespace tfe::kserve_http
