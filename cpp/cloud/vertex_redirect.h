// Which endpoint of KServe a request to the predict route means, by its redirect header. Vertex AI
// lets clients reach two paths only, so the path of everything else travels in a header.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tfe::cloud {

inline constexpr std::string_view kRedirectHeader = "x-vertex-ai-triton-redirect";

enum class Redirect : std::uint8_t {
  kUnknown,    // no such endpoint, or none that may be reached this way
  kForbidden,  // changes the server: loading, unloading, registering shared memory
  kMetrics,
  kGet,    // of the KServe service, with the method GET
  kPost,   // of the KServe service, with the method POST
  kInfer,  // an inference
};

// `path`: the header's value, a path without its leading slash.
Redirect classify_redirect(std::string_view path);

}  // namespace tfe::cloud
