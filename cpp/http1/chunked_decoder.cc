#include "http1/chunked_decoder.h"

#include <algorithm>
#include <charconv>

#include "http/headers.h"

namespace tfe::http1 {

ChunkedDecoder::Step ChunkedDecoder::fail(std::string message, int status) {
  error_ = std::move(message);
  error_status_ = status;
  Step step;
  step.event = Event::kError;
  return step;
}

void ChunkedDecoder::skip_data(std::uint64_t count) {
  left_ -= count;
  if (left_ == 0) state_ = State::kDataEnd;
}

bool ChunkedDecoder::read_size(std::string_view line, Step& step) {
  std::uint64_t size = 0;
  const char* end = line.data() + line.size();
  const auto [stop, error] = std::from_chars(line.data(), end, size, 16);
  const std::string_view rest = http::trim({stop, static_cast<std::size_t>(end - stop)});
  if (error == std::errc::result_out_of_range) {
    step = fail("chunk size out of range", 413);
  } else if (error != std::errc() || !(rest.empty() || rest.front() == ';') ||
             std::any_of(rest.begin(), rest.end(), [](char c) {
               return static_cast<unsigned char>(c) < 0x20 && c != '\t';
             })) {
    step = fail("malformed chunk size, expected hexadecimal digits");
  } else if (size == 0) {
    state_ = State::kTrailer;
    return true;
  } else if (++chunks_ > limits_->max_chunk_count) {
    step =
        fail("Chunked request body exceeds maximum of " + std::to_string(limits_->max_chunk_count) +
             " non-empty chunks. Send fewer or larger HTTP chunks.");
  } else if (size > limits_->max_body_bytes - total_) {
    step =
        fail("request body larger than " + std::to_string(limits_->max_body_bytes) + " bytes", 413);
  } else {
    total_ += size;
    left_ = size;
    state_ = State::kData;
    return true;
  }
  return false;
}

bool ChunkedDecoder::read_trailer(std::string_view line, Step& step) {
  trailer_bytes_ += line.size() + 2;
  if (trailer_bytes_ > limits_->max_trailer_bytes) {
    step = fail("trailer section too large");
    return false;
  }
  if (line.empty()) {
    state_ = State::kDone;
    return true;
  }
  if (!http::is_token(line.substr(0, line.find(':'))) || line.find(':') == line.npos) {
    step = fail("malformed trailer line");
    return false;
  }
  return true;
}

ChunkedDecoder::Step ChunkedDecoder::next(base::Bytes input) {
  Step step;
  const std::string_view text = base::as_text(input);
  while (state_ != State::kDone) {
    const std::string_view rest = text.substr(step.consumed);
    if (state_ == State::kData) {
      if (rest.empty()) return step;
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(rest.size(), left_));
      step.event = Event::kData;
      step.data = input.subspan(step.consumed, size);
      step.consumed += size;
      skip_data(size);
      return step;
    }
    const std::size_t limit =
        state_ == State::kTrailer ? limits_->max_trailer_bytes : limits_->max_chunk_line;
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) {
      if (rest.size() > limit) return fail("line too long in a chunked body");
      return step;
    }
    if (end == 0 || rest[end - 1] != '\r') return fail("lines of a chunked body must end in CR LF");
    if (end > limit) return fail("line too long in a chunked body");
    const std::string_view line = rest.substr(0, end - 1);
    step.consumed += end + 1;
    if (state_ == State::kDataEnd) {
      if (!line.empty()) return fail("chunk longer than its announced size");
      state_ = State::kSize;
    } else if (!(state_ == State::kSize ? read_size(line, step) : read_trailer(line, step))) {
      return step;
    }
  }
  step.event = Event::kDone;
  return step;
}

}  // namespace tfe::http1
