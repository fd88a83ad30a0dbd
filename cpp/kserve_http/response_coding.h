// Compression of answers, as the client's Accept-Encoding wishes (http/content_coding.h).
#pragma once

#include "http/content_coding.h"
#include "http/exchange.h"
#include "kserve_http/infer_style.h"
#include "kserve_http/options.h"
#include "kserve_http/reply.h"

namespace tfe::kserve_http {

class ResponseCoding {
 public:
  // Compresses nothing.
  ResponseCoding() = default;
  ResponseCoding(const http::RequestHead& head, const Options& options, const InferStyle& style);

  // Whether an answer of that size is compressed. Only successes are.
  bool applies(std::size_t body_size) const {
    return coding_ != http::Coding::kIdentity && body_size >= min_size_;
  }
  // Compresses the body if applies() and adds the headers that tell about it. Takes about 20
  // milliseconds per megabyte. Without memory for it the answer stays as it is.
  void apply(Reply& reply) const;

 private:
  http::Coding coding_ = http::Coding::kIdentity;
  // The client had a wish: another wish could have had another answer (RFC 9110 section 12.5.5).
  bool varies_ = false;
  int level_ = 0;
  std::size_t min_size_ = 0;
};

}  // namespace tfe::kserve_http
