// The encoding half of content_coding.h.
#include <zlib.h>

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "http/content_coding.h"

namespace tfe::http {
namespace {

// Of compressed output at a time.
constexpr std::size_t kPiece = 64 * 1024;

// A window larger than the body is memory cleared for nothing; most answers are a few kilobytes.
// zlib's smallest sound window is 2^9.
int window_bits(std::size_t size) {
  int bits = 9;
  while (bits < MAX_WBITS && (std::size_t{1} << bits) < size) ++bits;
  return bits;
}

class Encoder {
 public:
  Encoder(std::size_t size, Coding coding, int level) {
    const int bits = window_bits(size);
    const int wrapper = coding == Coding::kGzip ? 16 : 0;
    const int memory = std::clamp(bits - 7, 1, 8);
    open_ = deflateInit2(&stream_, level, Z_DEFLATED, bits + wrapper, memory, Z_DEFAULT_STRATEGY) ==
            Z_OK;
    piece_size_ = std::min(kPiece, size / 2 + 64);
  }
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;
  ~Encoder() {
    if (open_) deflateEnd(&stream_);
  }

  bool open() const { return open_; }

  void write(base::Bytes bytes, int flush) {
    // zlib counts in 32 bits.
    constexpr std::size_t kMost = std::numeric_limits<uInt>::max();
    do {
      const base::Bytes part = bytes.first(std::min(bytes.size(), kMost));
      bytes = bytes.subspan(part.size());
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(part.data()));
      stream_.avail_in = static_cast<uInt>(part.size());
      deflate_part(bytes.empty() ? flush : Z_NO_FLUSH);
    } while (!bytes.empty());
  }

  base::Chain take() {
    next_piece();
    return std::move(out_);
  }

 private:
  void deflate_part(int flush) {
    int result = Z_OK;
    do {
      if (filled_ == piece_.size()) next_piece();
      stream_.next_out = reinterpret_cast<Bytef*>(piece_.data() + filled_);
      stream_.avail_out = static_cast<uInt>(piece_.size() - filled_);
      result = deflate(&stream_, flush);
      filled_ = piece_.size() - stream_.avail_out;
    } while (stream_.avail_out == 0 && result != Z_STREAM_END);
  }

  void next_piece() {
    piece_.resize(filled_);
    out_.append(std::move(piece_));
    piece_.assign(piece_size_, '\0');
    filled_ = 0;
  }

  z_stream stream_{};
  bool open_ = false;
  std::size_t piece_size_;
  std::string piece_;
  std::size_t filled_ = 0;
  base::Chain out_;
};

}  // namespace

base::Result<base::Chain> encode_content(const base::Chain& body, Coding coding, int level) {
  Encoder encoder(body.size(), coding, level);
  if (!encoder.open()) {
    return base::fail(base::Code::kInternal, "not enough memory to compress the response");
  }
  for (const base::Segment& segment : body.segments()) encoder.write(segment.bytes, Z_NO_FLUSH);
  encoder.write({}, Z_FINISH);
  return encoder.take();
}

}  // namespace tfe::http
