#include "kserve_grpc/forwarded_metadata.h"

#include <string>
#include <string_view>
#include <utility>

namespace tfe::kserve_grpc {
namespace {

// "u=<0..7>", "i" and extensions, separated by commas: a priority of HTTP and not of a request to a
// model, which is a number.
bool is_http_priority(const grpc::MetadataEntry& entry) {
  return entry.key == "priority" &&
         (entry.value.empty() || entry.value.front() == 'u' || entry.value.front() == 'i');
}

}  // namespace

ForwardedMetadata::ForwardedMetadata(const Context& context, const grpc::Metadata& metadata) {
  if (context.forwarding.enabled()) collect(context, metadata);
}

void ForwardedMetadata::collect(const Context& context, const grpc::Metadata& metadata) {
  const auto entries = metadata.collect();
  if (!entries) {
    status_ = std::unexpected(entries.error());
    return;
  }
  kserve::InferRequest matched;
  for (const grpc::MetadataEntry& entry : *entries) {
    if (context.access.is_key(entry.key) || is_http_priority(entry)) continue;
    const std::size_t before = matched.parameters.size();
    status_ = context.forwarding.forward(entry.key, entry.value, matched);
    if (!status_) return;
    // The core takes C strings: what follows a NUL would be lost without a word.
    if (matched.parameters.size() == before || !entry.value.contains('\0')) continue;
    status_ =
        base::fail(base::Code::kInvalidArgument,
                   "metadata '" + entry.key + "' is forwarded and must not contain a NUL byte");
    return;
  }
  parameters_ = std::move(matched.parameters);
}

base::Status ForwardedMetadata::add_to(kserve::InferRequest& request) const {
  request.parameters.insert(request.parameters.end(), parameters_.begin(), parameters_.end());
  return status_;
}

}  // namespace tfe::kserve_grpc
