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
#include "kserve/parameters.h"

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
  // another form; and for a key or value that no header can carry. gRPC expects the value in the
  // metadata "triton-grpc-protocol-<key>"; the key is lower-cased, as metadata keys are.
  static base::Result<AccessPolicy> parse(const std::vector<std::string>& rules,
                                          Protocol protocol = Protocol::kHttp);

  // Unless the request carries the value, which is compared in constant time: kPermissionDenied
  // "This API is restricted, expecting header '<key>'", in gRPC kUnavailable "This protocol is
  // restricted, expecting header '<key>'", which is what its clients are used to.
  base::Status check(Api api, const Lookup& lookup) const;
  bool restricts(Api api) const { return secrets_[static_cast<std::size_t>(api)].has_value(); }
  bool restricts_any() const;
  // Whether a header of that name (any case) carries a secret, which no model should be shown.
  bool is_key(std::string_view name) const;

 private:
  struct Secret {
    std::string key;
    std::string value;
  };
  base::Status add_rule(const std::string& text);
  base::Status restrict(std::string_view name, Secret secret);

  Protocol protocol_ = Protocol::kHttp;
  std::array<std::optional<Secret>, kApiCount> secrets_;
};

}  // namespace tfe::kserve
