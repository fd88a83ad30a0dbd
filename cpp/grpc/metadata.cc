#include "grpc/metadata.h"

#include <algorithm>
#include <array>

#include "base/base64.h"

namespace tfe::grpc {
namespace {

// What belongs to the protocol and not to the application.
constexpr std::array<std::string_view, 8> kProtocolHeaders{
    "te",           "content-type",         "content-length", "host",
    "grpc-timeout", "grpc-accept-encoding", "grpc-encoding",  "grpc-message-type"};

bool is_protocol(std::string_view name) {
  return std::ranges::find(kProtocolHeaders, name) != kProtocolHeaders.end();
}

bool add_binary(std::vector<MetadataEntry>& entries, const http::HeaderView& header) {
  std::string_view rest = header.value;
  for (;;) {
    const std::size_t comma = rest.find(',');
    std::string_view part = rest.substr(0, comma);
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    auto bytes = base::base64_decode(part);
    if (!bytes) return false;
    entries.push_back({std::string(header.name), std::move(*bytes)});
    if (comma == std::string_view::npos) return true;
    rest.remove_prefix(comma + 1);
  }
}

}  // namespace

std::optional<std::string_view> Metadata::find(std::string_view key) const {
  const auto found = std::ranges::find(headers_, key, &http::HeaderView::name);
  if (found == headers_.end()) return std::nullopt;
  return found->value;
}

std::string Metadata::find_all(std::string_view key) const {
  std::string values;
  for (const http::HeaderView& header : headers_) {
    if (header.name != key) continue;
    if (!values.empty()) values += ',';
    values += header.value;
  }
  return values;
}

base::Result<std::vector<MetadataEntry>> Metadata::collect() const {
  std::vector<MetadataEntry> entries;
  for (const http::HeaderView& header : headers_) {
    if (is_protocol(header.name)) continue;
    if (!header.name.ends_with("-bin")) {
      entries.push_back({std::string(header.name), std::string(header.value)});
    } else if (!add_binary(entries, header)) {
      return base::fail(base::Code::kInternal, "Error parsing '" + std::string(header.name) +
                                                   "' metadata: illegal base64 encoding");
    }
  }
  return entries;
}

}  // namespace tfe::grpc
