// The client's side of a connection under test: nghttp2's client session fed with scripted
// requests, plus a hand for frames that no library would write.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tfe::testing {

using Fields = std::vector<std::pair<std::string, std::string>>;

struct Reply {
  Fields head;
  std::string body;
  Fields trailers;
  bool ended = false;   // END_STREAM came
  bool closed = false;  // the stream is closed on both sides
  std::uint32_t close_code = 0;
  std::vector<std::size_t> frames;  // sizes of DATA frames

  std::string value(std::string_view name) const {
    for (const Fields* fields : {&trailers, &head}) {
      for (const auto& [key, text] : *fields) {
        if (key == name) return text;
      }
    }
    return {};
  }
};

class Peer {
 public:
  struct Options {
    std::vector<nghttp2_settings_entry> settings;
    bool grant_credit = true;  // false: DATA is read but never credited
  };

  Peer();
  explicit Peer(Options options);
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  // Opens a request; with `end` its body is complete. POST /path unless `head` says otherwise.
  std::int32_t request(std::string_view body, bool end = true, Fields head = {});
  // More body of a request that was opened without its end.
  void more(std::int32_t stream, std::string_view body, bool end);
  void reset(std::int32_t stream, std::uint32_t code = NGHTTP2_CANCEL);
  void ping();
  void credit(std::int32_t stream, std::int32_t bytes);

  std::string take_output();
  // False if the server broke the protocol.
  bool feed(std::string_view bytes);

  Reply& reply(std::int32_t stream) { return replies_[stream]; }
  nghttp2_session* session() { return session_; }

  std::size_t ping_acks = 0;
  std::vector<std::pair<std::int32_t, std::uint32_t>> goaways;  // last stream, code

 private:
  struct Upload {
    std::string body;
    bool end = true;
  };
  friend struct PeerCallbacks;

  Options options_;
  nghttp2_session* session_ = nullptr;
  std::map<std::int32_t, Upload> uploads_;
  std::map<std::int32_t, Reply> replies_;
};

// One frame as bytes.
std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                  std::string_view payload);

}  // namespace tfe::testing
