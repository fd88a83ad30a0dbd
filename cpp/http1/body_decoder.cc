#include "http1/body_decoder.h"

#include <algorithm>
#include <string>

namespace tfe::http1 {

void BodyDecoder::begin(const Framing& framing) {
  chunked_ = framing.chunked;
  chunks_ = ChunkedDecoder(*limits_);
  length_left_ =
      framing.content_length > 0 ? static_cast<std::uint64_t>(framing.content_length) : 0;
}

void BodyDecoder::skip(std::uint64_t count) {
  if (chunked_) {
    chunks_.skip_data(count);
  } else {
    length_left_ -= count;
  }
}

BodyDecoder::Step BodyDecoder::next(base::Bytes input) {
  if (chunked_) return chunks_.next(input);
  if (length_left_ == 0) return {.event = Event::kDone, .consumed = 0, .data = {}};
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(input.size(), length_left_));
  if (count == 0) return {};
  length_left_ -= count;
  return {.event = Event::kData, .consumed = count, .data = input.first(count)};
}

Refusal BodyDecoder::cut_short() const {
  if (chunked_) return {400, "request body ended before its last chunk"};
  return {400, "request body ended " + std::to_string(length_left_) +
                   " bytes before the announced Content-Length"};
}

}  // namespace tfe::http1
