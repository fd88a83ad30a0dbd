// Takes the chunked coding off a request body (RFC 9112 section 7.1). Extensions are skipped,
// trailers are checked for shape and size and dropped. Bounded by Limits; sans I/O.
//
//   size line -> data -> CR LF -> size line ... -> size 0 -> trailers -> done
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "http1/limits.h"

namespace tfe::http1 {

class ChunkedDecoder {
 public:
  explicit ChunkedDecoder(const Limits& limits) : limits_(&limits) {}

  enum class Event : std::uint8_t { kNeedMore, kData, kDone, kError };
  struct Step {
    Event event = Event::kNeedMore;
    std::size_t consumed = 0;  // of the input, also with kNeedMore
    base::Bytes data;          // kData: a part of the input
  };
  // Call again with the rest of the input after kData. With kNeedMore, the unconsumed rest must be
  // presented again with more behind it.
  Step next(base::Bytes input);

  // Bytes of the current chunk that are still to come, and the note that some were received without
  // next() seeing them (into a buffer of the sink).
  std::uint64_t data_left() const { return state_ == State::kData ? left_ : 0; }
  void skip_data(std::uint64_t count);

  // Data bytes announced by size lines so far; checked against max_body_bytes before they arrive.
  std::uint64_t total() const { return total_; }
  // Valid after kError.
  int error_status() const { return error_status_; }
  const std::string& error() const { return error_; }

 private:
  enum class State : std::uint8_t { kSize, kData, kDataEnd, kTrailer, kDone };

  Step fail(std::string message, int status = 400);
  // Handles one line; false after fail().
  bool read_size(std::string_view line, Step& step);
  bool read_trailer(std::string_view line, Step& step);

  const Limits* limits_;
  State state_ = State::kSize;
  std::uint64_t left_ = 0;
  std::uint64_t total_ = 0;
  std::size_t chunks_ = 0;
  std::size_t trailer_bytes_ = 0;
  int error_status_ = 400;
  std::string error_;
};

}  // namespace tfe::http1
