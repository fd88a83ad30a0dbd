// A call's metadata: the request headers that are the application's ("gRPC over HTTP/2", Custom
// Metadata). Views, valid while the call is opened; collect() makes copies for longer.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "http/exchange.h"

namespace tfe::grpc {

struct MetadataEntry {
  std::string key;    // lower case
  std::string value;  // of "-bin" keys: the decoded bytes
};

class Metadata {
 public:
  explicit Metadata(std::span<const http::HeaderView> headers) : headers_(headers) {}

  // Every header in order as it was sent; `visit(key, value)`.
  template <typename Visit>
  void each(Visit visit) const {
    for (const http::HeaderView& header : headers_) visit(header.name, header.value);
  }
  // The first value as it was sent, also of protocol headers.
  std::optional<std::string_view> find(std::string_view key) const;
  // All values of it, joined by commas.
  std::string find_all(std::string_view key) const;
  // Everything but the protocol's own headers, in order, values of "-bin" keys decoded and those
  // joined by commas split. Fails with kInternal for a value that is not base64.
  base::Result<std::vector<MetadataEntry>> collect() const;

 private:
  std::span<const http::HeaderView> headers_;
};

}  // namespace tfe::grpc
