// Owns nghttp2's session and routes its callbacks to a SessionEvents. Nothing above this file and
// stream.cc knows nghttp2's callback signatures.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/bytes.h"
#include "http2/options.h"

struct nghttp2_session;

namespace tfe::http2 {

struct FrameInfo {
  std::uint8_t type = 0;
  std::uint8_t flags = 0;
  std::int32_t stream_id = 0;
  std::size_t length = 0;
  std::uint32_t error_code = 0;  // RST_STREAM and GOAWAY
  bool is_request = false;       // HEADERS that open a stream

  bool has(std::uint8_t flag) const { return (flags & flag) != 0; }
};

// kNoRoom: the same frame is offered again later. kReset: there is no such data, end the stream.
enum class SendVerdict : std::uint8_t { kSent, kNoRoom, kReset };

// Called inside Session::receive and Session::send. May submit frames, must not call receive or
// send.
class SessionEvents {
 public:
  virtual ~SessionEvents() = default;
  virtual void on_frame_begin(const FrameInfo& frame) = 0;
  virtual void on_headers_begin(const FrameInfo& frame) = 0;
  // False: no more of this block; the stream is reset with INTERNAL_ERROR.
  virtual bool on_header(const FrameInfo& frame, std::string_view name, std::string_view value) = 0;
  virtual void on_frame(const FrameInfo& frame) = 0;
  // A frame that breaks the rules, or (`refused`) opens a stream above the limit; the session
  // resets the stream or ends by itself.
  virtual void on_invalid_frame(const FrameInfo& frame, bool refused) = 0;
  virtual void on_data(std::int32_t stream_id, base::Bytes data) = 0;
  virtual void on_closed(std::int32_t stream_id, std::uint32_t error_code) = 0;
  virtual void on_sent(const FrameInfo& frame) = 0;
  virtual SendVerdict on_send_data(std::int32_t stream_id, base::Bytes frame_header,
                                   std::size_t size) = 0;
};

enum class Role : std::uint8_t { kServer, kClient };

// `Options` must outlive it.
class Session {
 public:
  Session(SessionEvents& events, const Options& options, Role role = Role::kServer);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  nghttp2_session* get() const { return session_; }
  const Options& options() const { return options_; }
  SessionEvents& events() const { return events_; }

  // Our SETTINGS and the connection's window; the first frames of the connection.
  void submit_settings();
  // False: the session is beyond repair (flood, out of memory) and must be dropped.
  [[nodiscard]] bool receive(base::Bytes bytes);
  // The next serialized frames, empty if there is nothing to send. DATA payloads go through
  // on_send_data instead. False as above.
  [[nodiscard]] bool send(base::Bytes& frames);

 private:
  SessionEvents& events_;
  const Options& options_;
  nghttp2_session* session_ = nullptr;
};

}  // namespace tfe::http2
