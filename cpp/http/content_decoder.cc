// The decoding half of content_coding.h.
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

#include "http/content_coding.h"

namespace tfe::http {
namespace {

using base::Bytes;
using base::Code;
using base::Status;

// What is passed from one coding to the next at a time.
constexpr std::size_t kPiece = 16 * 1024;
// zlib's window size with automatic detection of a gzip or zlib header, and without any header.
constexpr int kDetectHeader = MAX_WBITS + 32;
constexpr int kNoHeader = -MAX_WBITS;

// RFC 1950 section 2.2: method 8, and a check that makes the two bytes a multiple of 31.
bool is_zlib_header(Bytes head) {
  const auto first = static_cast<unsigned>(head[0]);
  const auto second = static_cast<unsigned>(head[1]);
  return (first & 0x0f) == 8 && (first * 256 + second) % 31 == 0;
}

bool is_gzip_header(Bytes head) { return head[0] == std::byte{0x1f} && head[1] == std::byte{0x8b}; }

}  // namespace

// One coding. Its output goes to the next stage, or, from the last, to the caller's buffer.
class ContentDecoder::Stage {
 public:
  Stage(ContentDecoder& decoder, std::size_t index, Coding coding, bool last)
      : decoder_(decoder), index_(index), coding_(coding) {
    if (!last) piece_.resize(kPiece);
  }
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;
  ~Stage() {
    if (open_) inflateEnd(&stream_);
  }

  Status write(Bytes piece) {
    if (!open_) {
      // The format shows in the first two bytes, which may come one by one.
      while (head_size_ < head_.size() && !piece.empty()) {
        head_[head_size_++] = piece.front();
        piece = piece.subspan(1);
      }
      if (head_size_ < head_.size()) return {};
      if (auto status = open(); !status) return status;
      if (auto status = inflate_all(head_); !status) return status;
    }
    return inflate_all(piece);
  }

  Status finish() const {
    if (head_size_ == 0) return corrupt("nothing to be decompressed");
    if (!at_end_) return corrupt("the data ends too early");
    return {};
  }

 private:
  Status open() {
    const bool raw =
        coding_ == Coding::kDeflate && !is_zlib_header(head_) && !is_gzip_header(head_);
    gzip_ = is_gzip_header(head_);
    if (inflateInit2(&stream_, raw ? kNoHeader : kDetectHeader) != Z_OK) {
      return base::fail(Code::kResourceExhausted, "not enough memory to decompress the body");
    }
    open_ = true;
    return {};
  }

  Status inflate_all(Bytes piece) {
    // zlib counts in 32 bits.
    constexpr std::size_t kMost = std::numeric_limits<uInt>::max();
    while (!piece.empty()) {
      const Bytes part = piece.first(std::min(piece.size(), kMost));
      piece = piece.subspan(part.size());
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(part.data()));
      stream_.avail_in = static_cast<uInt>(part.size());
      // A full output buffer may leave bytes inside zlib, so the input alone does not say when to
      // stop.
      bool full = false;
      while (stream_.avail_in > 0 || full) {
        if (auto status = step(full); !status) return status;
      }
    }
    return {};
  }

  // One call of zlib. `full`: it may have more to give without further input.
  Status step(bool& full) {
    if (at_end_) {
      if (!gzip_) return corrupt("there are bytes behind the compressed data");
      // Another member; what is no header of one is told by inflate().
      inflateReset(&stream_);
      at_end_ = false;
    }
    base::MutableBytes room = output_room();
    if (room.empty()) {
      return base::fail(Code::kResourceExhausted, "not enough memory to decompress the body");
    }
    stream_.next_out = reinterpret_cast<Bytef*>(room.data());
    stream_.avail_out = static_cast<uInt>(room.size());
    const int result = inflate(&stream_, Z_NO_FLUSH);
    const std::size_t made = room.size() - stream_.avail_out;
    full = stream_.avail_out == 0 && result != Z_STREAM_END;
    at_end_ = result == Z_STREAM_END;
    // Z_BUF_ERROR: nothing was left to do.
    if (result == Z_MEM_ERROR) {
      return base::fail(Code::kResourceExhausted, "not enough memory to decompress the body");
    }
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
      return corrupt(stream_.msg != nullptr ? stream_.msg : "it needs a dictionary");
    }
    return deliver(room.first(made));
  }

  // At the limit there is room for one byte more, whose use shows that the limit is exceeded.
  base::MutableBytes output_room() {
    const std::uint64_t left = decoder_.limit_ - total_;
    if (left == 0) return base::MutableBytes(&beyond_, 1);
    base::MutableBytes room = piece_.empty() ? decoder_.output_.room() : base::MutableBytes(piece_);
    const std::uint64_t most = std::min<std::uint64_t>(left, std::numeric_limits<uInt>::max());
    return room.first(static_cast<std::size_t>(std::min<std::uint64_t>(room.size(), most)));
  }

  Status deliver(base::MutableBytes made) {
    if (made.empty()) return {};
    if (made.size() > decoder_.limit_ - total_) {
      decoder_.exceeded_ = true;
      return base::fail(Code::kInvalidArgument, "Decompressed data size exceeds the maximum");
    }
    total_ += made.size();
    if (!piece_.empty()) return decoder_.pass_on(index_ + 1, made);
    decoder_.output_.filled(made.size());
    return {};
  }

  Status corrupt(std::string_view problem) const {
    return base::fail(Code::kInvalidArgument, "request body is not valid for Content-Encoding '" +
                                                  std::string(coding_name(coding_)) +
                                                  "': " + std::string(problem));
  }

  ContentDecoder& decoder_;
  std::size_t index_;
  Coding coding_;
  z_stream stream_{};
  bool open_ = false;
  bool gzip_ = false;
  bool at_end_ = false;  // of a member, with nothing behind it so far
  std::array<std::byte, 2> head_{};
  std::size_t head_size_ = 0;
  std::uint64_t total_ = 0;
  std::vector<std::byte> piece_;  // empty in the last stage
  std::byte beyond_{};
};

ContentDecoder::ContentDecoder(const std::vector<Coding>& codings, std::uint64_t limit,
                               DecodedOutput& output)
    : output_(output), limit_(limit) {
  for (std::size_t i = 0; i < codings.size(); ++i) {
    const Coding coding = codings[codings.size() - 1 - i];
    stages_.push_back(std::make_unique<Stage>(*this, i, coding, i + 1 == codings.size()));
  }
}

ContentDecoder::~ContentDecoder() = default;

Status ContentDecoder::pass_on(std::size_t stage, Bytes piece) {
  return stages_[stage]->write(piece);
}

Status ContentDecoder::write(Bytes piece) { return piece.empty() ? Status() : pass_on(0, piece); }

Status ContentDecoder::finish() {
  for (const auto& stage : stages_) {
    if (auto status = stage->finish(); !status) return status;
  }
  return {};
}

}  // namespace tfe::http
