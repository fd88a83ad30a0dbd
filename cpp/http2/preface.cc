#include "http2/preface.h"

#include <algorithm>

namespace tfe::http2 {
namespace {

// Longest method that is looked for ("PROPPATCH" and the like), and the request head that is read
// before it is answered: closing with unread bytes would reset the connection and lose the answer.
constexpr std::size_t kMaxMethod = 16;
constexpr std::size_t kMaxHead = 16U << 10;

bool is_method_letter(char letter) { return letter >= 'A' && letter <= 'Z'; }

}  // namespace

PrefaceSniffer::Verdict PrefaceSniffer::feed(base::Bytes bytes) {
  std::string_view text = base::as_text(bytes);
  if (verdict_ == Verdict::kUndecided && foreign_.empty()) {
    const std::string_view expected = kClientPreface.substr(matched_);
    const std::size_t length = std::min(expected.size(), text.size());
    const auto same = static_cast<std::size_t>(
        std::mismatch(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(length),
                      expected.begin())
            .first -
        text.begin());
    matched_ += same;
    surplus_at_ = same;
    if (matched_ == kClientPreface.size()) return verdict_ = Verdict::kHttp2;
    if (same == text.size()) return verdict_;
    foreign_.assign(kClientPreface.substr(0, matched_));
    text.remove_prefix(same);
  }
  foreign_.append(text.substr(0, kMaxHead - std::min(kMaxHead, foreign_.size())));
  judge_foreign();
  return verdict_;
}

void PrefaceSniffer::judge_foreign() {
  if (verdict_ == Verdict::kUndecided) {
    const auto end = std::find_if_not(foreign_.begin(), foreign_.end(), is_method_letter);
    const auto length = static_cast<std::size_t>(end - foreign_.begin());
    if (end == foreign_.end() && length <= kMaxMethod) return;
    const bool method = length > 0 && length <= kMaxMethod && *end == ' ';
    verdict_ = method ? Verdict::kHttp1Head : Verdict::kNoise;
  }
  if (verdict_ != Verdict::kHttp1Head) return;
  const bool complete =
      foreign_.find("\r\n\r\n") != std::string::npos || foreign_.find("\n\n") != std::string::npos;
  if (complete || foreign_.size() >= kMaxHead) verdict_ = Verdict::kHttp1;
}

std::string http1_refusal() {
  constexpr std::string_view kBody =
      R"({"error":"this port speaks gRPC over HTTP/2 with prior knowledge, not HTTP/1.1; )"
      R"(use a gRPC client here, or the HTTP port of the server"})";
  return "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\n"
         "content-length: " +
         std::to_string(kBody.size()) + "\r\n\r\n" + std::string(kBody);
}

}  // namespace tfe::http2
