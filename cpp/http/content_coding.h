// Content codings of RFC 9110 section 8.4.1: which ones a message uses or may use, and applying and
// undoing them with zlib.
//
// Sans-I/O: bytes in, bytes out, on whatever thread calls. Decoding never holds more than its
// caller's buffer and one piece per coding, so a small body that expands without end is refused
// when the caller's budget is used up, not when memory is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"

namespace tfe::http {

// kDeflate is the zlib format of RFC 1950; what is read as "deflate" may also lack its header, as
// some senders write it (RFC 9110 section 8.4.1.2).
enum class Coding : std::uint8_t { kIdentity, kGzip, kDeflate };

// "gzip" and so on.
std::string_view coding_name(Coding coding);

// Codings that a request may have one upon the other. Nobody needs two; every further one
// multiplies the work that a byte of the client can cause.
inline constexpr std::size_t kMaxCodings = 3;

// A Content-Encoding as the codings in the order in which they were applied, without "identity".
// Any case, "x-gzip" is "gzip". kUnsupported with kUnsupportedCoding, Triton's text, for another
// coding and for more than kMaxCodings.
inline constexpr std::string_view kUnsupportedCoding = "Unsupported compression type";
base::Result<std::vector<Coding>> parse_content_encoding(std::string_view value);

// The coding for a response to a request with that Accept-Encoding, after RFC 9110 section 12.5.3:
// the acceptable one of the highest weight, the earliest of those with the same. "*" stands for
// what is not listed, identity first. kIdentity if nothing is acceptable.
Coding choose_coding(std::string_view accept_encoding);

// Where decoded bytes go.
class DecodedOutput {
 public:
  virtual ~DecodedOutput() = default;
  // Room for the next bytes, not empty; empty if there is no memory.
  virtual base::MutableBytes room() = 0;
  // So many bytes of the room were filled.
  virtual void filled(std::size_t count) = 0;
};

// Undoes the codings of one body. Several gzip members in a row are one body (RFC 1952 section
// 2.2); the header of gzip and zlib data is recognized whichever of the two was named.
class ContentDecoder {
 public:
  // `limit`: most bytes that any of the codings may expand to.
  ContentDecoder(const std::vector<Coding>& codings, std::uint64_t limit, DecodedOutput& output);
  ~ContentDecoder();

  // kInvalidArgument for data that is not what its coding says, and beyond the limit;
  // kResourceExhausted without memory.
  base::Status write(base::Bytes piece);
  // The body ended. kInvalidArgument if its data did not.
  base::Status finish();
  // Whether it was the limit that was hit.
  bool exceeded() const { return exceeded_; }

 private:
  class Stage;
  friend class Stage;

  base::Status pass_on(std::size_t stage, base::Bytes piece);

  std::vector<std::unique_ptr<Stage>> stages_;  // the last coding first
  DecodedOutput& output_;
  std::uint64_t limit_;
  bool exceeded_ = false;
};

// The whole body in that coding (not kIdentity), `level` as zlib has them, 1..9. kInternal without
// memory.
base::Result<base::Chain> encode_content(const base::Chain& body, Coding coding, int level);

}  // namespace tfe::http
