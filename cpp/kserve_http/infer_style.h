// What differs between the ways in which an inference reaches us over HTTP: the KServe endpoint
// itself, and the SageMaker and Vertex AI endpoints, which frame binary tensors by MIME type and
// leave out compression and header forwarding. Styles live as long as the program.
#pragma once

#include <string_view>

#include "base/status.h"
#include "kserve_http/reply.h"

namespace tfe::kserve_http {

struct InferStyle {
  // Empty: the length of the JSON part comes in Inference-Header-Content-Length. Otherwise in a
  // Content-Type that begins with this text and ends in the length, such as
  // "application/vnd.sagemaker-triton.binary+json;json-header-size=". All literals.
  std::string_view binary_mime;
  // A binary answer names the length in its Content-Type, the same way.
  bool binary_mime_in_response = false;
  bool content_coding = true;   // Content-Encoding and Accept-Encoding are honoured
  bool forward_headers = true;  // Options::forwarding applies
  // Makes the answer of every failure, also of those that the core reports.
  Reply (*error)(const base::Error&) = error_reply;
};

inline constexpr InferStyle kKserveStyle;

}  // namespace tfe::kserve_http
