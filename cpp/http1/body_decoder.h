// Where the body of a request ends: by its announced length or by chunks (RFC 9112 section 6.3).
// Sans I/O.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "http1/chunked_decoder.h"
#include "http1/framing.h"
#include "http1/limits.h"
#include "http1/parser.h"

namespace tfe::http1 {

class BodyDecoder {
 public:
  using Event = ChunkedDecoder::Event;
  using Step = ChunkedDecoder::Step;

  explicit BodyDecoder(const Limits& limits) : limits_(&limits), chunks_(limits) {}

  void begin(const Framing& framing);
  // Bytes that are known to come: the rest of a body with a length, else that of a chunk.
  std::uint64_t left() const { return chunked_ ? chunks_.data_left() : length_left_; }
  // So many of them were received without next() seeing them, into a buffer of the sink.
  void skip(std::uint64_t count);
  // The last byte of a body with a length was seen. The end of a chunked one is an event.
  bool done() const { return !chunked_ && length_left_ == 0; }
  // As ChunkedDecoder::next().
  Step next(base::Bytes input);

  // Valid after kError.
  Refusal error() const { return {chunks_.error_status(), chunks_.error()}; }
  // For a client that ended its side before the body was complete.
  Refusal cut_short() const;

 private:
  const Limits* limits_;
  bool chunked_ = false;
  ChunkedDecoder chunks_;
  std::uint64_t length_left_ = 0;
};

}  // namespace tfe::http1
