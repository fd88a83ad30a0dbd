// Tells HTTP/2 (RFC 9113 section 3.4) from HTTP/1 and from noise by a connection's first bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace tfe::http2 {

inline constexpr std::string_view kClientPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

class PrefaceSniffer {
 public:
  //            +--(all 24 bytes)--> kHttp2
  //  kUndecided+--(a method, a blank)--> kHttp1Head --(blank line)--> kHttp1
  //            +--(anything else)--> kNoise
  enum class Verdict : std::uint8_t { kUndecided, kHttp2, kHttp1Head, kHttp1, kNoise };

  // Verdicts kUndecided and kHttp1Head want more bytes. All bytes are swallowed, but for those
  // after the preface: with kHttp2 they begin at surplus_at() of the piece just fed.
  Verdict feed(base::Bytes bytes);
  std::size_t surplus_at() const { return surplus_at_; }
  Verdict verdict() const { return verdict_; }

 private:
  void judge_foreign();

  Verdict verdict_ = Verdict::kUndecided;
  std::size_t matched_ = 0;
  std::size_t surplus_at_ = 0;
  std::string foreign_;
};

// What a client that speaks HTTP/1 is told.
std::string http1_refusal();

}  // namespace tfe::http2
