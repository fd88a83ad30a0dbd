#include "kserve_http/response_coding.h"

#include <string>
#include <utility>

#include "http/headers.h"

namespace tfe::kserve_http {

ResponseCoding::ResponseCoding(const http::RequestHead& head, const Options& options,
                               const InferStyle& style)
    : level_(options.compression_level), min_size_(options.min_compress_size) {
  if (!style.content_coding || level_ == 0) return;
  std::string list;  // several lines are one list
  for (const http::HeaderView& header : head.headers) {
    if (!http::iequals(header.name, "accept-encoding")) continue;
    if (std::exchange(varies_, true)) list += ',';
    list += header.value;
  }
  if (varies_) coding_ = http::choose_coding(list);
}

void ResponseCoding::apply(Reply& reply) const {
  if (varies_) reply.head.headers.push_back({"vary", "Accept-Encoding"});
  if (!applies(reply.body.size())) return;
  auto encoded = http::encode_content(reply.body, coding_, level_);
  if (!encoded) return;
  reply.body = *std::move(encoded);
  reply.head.headers.push_back({"content-encoding", std::string(http::coding_name(coding_))});
}

}  // namespace tfe::kserve_http
