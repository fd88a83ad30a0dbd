// Maps a request target to an endpoint of the KServe v2 protocol and Triton's extensions.
//
// The path must match in full: no trailing slash, no collapsing of "//", no dot segments, exact
// case; the query is ignored. Names are one segment each, percent-decoded after the split, so a
// name may contain any character but NUL. A version is digits only; anything else is an unknown
// path.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tfe::http {

enum class Endpoint : std::uint8_t {
  kUnknown,
  kServerLive,
  kServerReady,
  kServerMetadata,
  kModelReady,
  kModelMetadata,
  kModelConfig,
  kModelStatistics,
  kInfer,
  kGenerate,
  kGenerateStream,
  kTraceSetting,
  kLogging,
  kRepositoryIndex,
  kRepositoryLoad,
  kRepositoryUnload,
  kSystemMemoryStatus,
  kSystemMemoryRegister,
  kSystemMemoryUnregister,
  kCudaMemoryStatus,
  kCudaMemoryRegister,
  kCudaMemoryUnregister,
};
inline constexpr std::size_t kEndpointCount =
    static_cast<std::size_t>(Endpoint::kCudaMemoryUnregister) + 1;

// One segment, decoded. Refers to the target where nothing was encoded.
class Name {
 public:
  Name() = default;
  explicit Name(std::string_view segment);
  std::string_view view() const { return decoded_.empty() ? raw_ : std::string_view(decoded_); }
  std::string str() const { return std::string(view()); }
  bool empty() const { return raw_.empty(); }

 private:
  std::string_view raw_;
  std::string decoded_;
};

struct Route {
  Endpoint endpoint = Endpoint::kUnknown;
  Name model;                // empty for all models (statistics, trace settings)
  std::string_view version;  // digits, or empty
  Name repository;           // empty when the path has no repository segment
  Name region;               // empty for all shared memory regions
};

// `target` must outlive the route.
Route route(std::string_view target);

// The path of a target, without its query.
std::string_view path_of(std::string_view target);

}  // namespace tfe::http
