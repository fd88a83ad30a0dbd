// Restricted APIs: groups of endpoints that answer only to a request with a secret header, as
// Triton's --http-restricted-api and --grpc-restricted-protocol.
//
// Immutable after creation, so it is shared by all threads without a lock.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace tfe::kserve {

enum class Api : std::uint8_t {
  kHealth,
  kMetadata,
  kInference,
  kSharedMemory,
  kModelConfig,
  kModelRepository,
  kStatistics,
  kTrace,
  kLogging,
};
inline constexpr std::size_t kApiCount = 9;

class AccessPolicy {
 public:
  // The value of a header (any case) or metadata key of the request, if it has it.
  using Lookup = std::function<std::optional<std::string_view>(std::string_view key)>;

  // Restricts nothing.
  AccessPolicy() = default;
  // Rules of the form "<api>[,<api>...]:<key>=<value>"; the value may hold further '=' and ':'.
  // kInvalidArgument, in Triton's words, for an unknown API, one that is named twice, and a rule of
  // another form; and for a key or value that no header can carry.
  static base::Result<AccessPolicy> parse(const std::vector<std::string>& rules);

  // kPermissionDenied "This API is restricted, expecting header '<key>'" unless the request carries
  // the value, which is compared in constant time.
  base::Status check(Api api, const Lookup& lookup) const;
  bool restricts(Api api) const { return secrets_[static_cast<std::size_t>(api)].has_value(); }
  // Whether a header of that name (any case) carries a secret, which no model should be shown.
  bool is_key(std::string_view name) const;

 private:
  struct Secret {
    std::string key;
    std::string value;
  };
  base::Status restrict(std::string_view name, Secret secret);

  std::array<std::optional<Secret>, kApiCount> secrets_;
};

}  // namespace tfe::kserve
