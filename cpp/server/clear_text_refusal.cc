#include "server/clear_text_refusal.h"

#include <string>
#include <string_view>

namespace tfe::server {
namespace {

constexpr std::string_view kBody =
    R"({"error":"this port speaks TLS, but the request came in clear text; use https"})";

std::string answer() {
  return "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nConnection: close\r\n"
         "Content-Length: " +
         std::to_string(kBody.size()) + "\r\n\r\n" + std::string(kBody);
}

class ClearTextRefusal final : public http::Protocol {
 public:
  base::MutableBytes receive_buffer() override { return {}; }
  void received(std::size_t, base::TimePoint) override {}
  void received_eof(base::TimePoint) override {}
  bool wants_read() const override { return false; }
  base::Chain& output(std::size_t) override { return out_; }
  void sent(base::TimePoint) override {}
  bool finished() const override { return true; }
  bool idle() const override { return out_.empty(); }
  std::size_t in_flight() const override { return 0; }
  void drain(base::TimePoint) override {}
  void abort() override { out_ = {}; }
  std::optional<base::TimePoint> deadline() const override { return std::nullopt; }
  void on_deadline(base::TimePoint) override {}

 private:
  base::Chain out_ = base::Chain::of(answer());
};

}  // namespace

std::unique_ptr<http::Protocol> make_clear_text_refusal() {
  return std::make_unique<ClearTextRefusal>();
}

}  // namespace tfe::server
