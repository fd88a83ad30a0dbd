#include "http2/peer.h"

#include <algorithm>
#include <cstring>

namespace tfe::testing {

struct PeerCallbacks {
  static Peer& peer(void* user) { return *static_cast<Peer*>(user); }

  static int header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                    std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                    std::uint8_t, void* user) {
    Reply& reply = peer(user).replies_[frame->hd.stream_id];
    const bool trailer = frame->headers.cat == NGHTTP2_HCAT_HEADERS;
    (trailer ? reply.trailers : reply.head)
        .emplace_back(std::string(reinterpret_cast<const char*>(name), name_size),
                      std::string(reinterpret_cast<const char*>(value), value_size));
    return 0;
  }
  static int data(nghttp2_session* session, std::uint8_t, std::int32_t stream,
                  const std::uint8_t* bytes, std::size_t size, void* user) {
    peer(user).replies_[stream].body.append(reinterpret_cast<const char*>(bytes), size);
    if (peer(user).options_.grant_credit) nghttp2_session_consume(session, stream, size);
    return 0;
  }
  static int received(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    Peer& self = peer(user);
    const auto& header = frame->hd;
    if (header.type == NGHTTP2_PING && (header.flags & NGHTTP2_FLAG_ACK) != 0) ++self.ping_acks;
    if (header.type == NGHTTP2_GOAWAY) {
      self.goaways.emplace_back(frame->goaway.last_stream_id, frame->goaway.error_code);
    }
    if (header.type == NGHTTP2_DATA) {
      self.replies_[header.stream_id].frames.push_back(header.length);
    }
    const bool carries_end = header.type == NGHTTP2_DATA || header.type == NGHTTP2_HEADERS;
    if (carries_end && (header.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
      self.replies_[header.stream_id].ended = true;
    }
    return 0;
  }
  static int closed(nghttp2_session*, std::int32_t stream, std::uint32_t code, void* user) {
    peer(user).replies_[stream].closed = true;
    peer(user).replies_[stream].close_code = code;
    return 0;
  }
  static ssize_t read(nghttp2_session*, std::int32_t stream, std::uint8_t* buffer,
                      std::size_t length, std::uint32_t* flags, nghttp2_data_source*, void* user) {
    Peer::Upload& upload = peer(user).uploads_[stream];
    const std::size_t size = std::min(length, upload.body.size());
    if (size == 0 && !upload.end) return NGHTTP2_ERR_DEFERRED;
    std::memcpy(buffer, upload.body.data(), size);
    upload.body.erase(0, size);
    if (upload.end && upload.body.empty()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(size);
  }
};

Peer::Peer() : Peer(Options{}) {}

Peer::Peer(Options options) : options_(std::move(options)) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, &PeerCallbacks::header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, &PeerCallbacks::data);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, &PeerCallbacks::received);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, &PeerCallbacks::closed);
  nghttp2_option* option = nullptr;
  nghttp2_option_new(&option);
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_session_client_new2(&session_, callbacks, this, option);
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);
  nghttp2_submit_settings(session_, 0, options_.settings.data(), options_.settings.size());
}

Peer::~Peer() { nghttp2_session_del(session_); }

std::int32_t Peer::request(std::string_view body, bool end, Fields head) {
  Fields fields{{":method", "POST"}, {":scheme", "http"}, {":authority", "x"}, {":path", "/path"}};
  for (auto& [name, value] : head) {
    const auto same = std::ranges::find(fields, name, &Fields::value_type::first);
    if (same != fields.end() && name.starts_with(':'))
      same->second = value;
    else
      fields.emplace_back(name, value);
  }
  std::vector<nghttp2_nv> values;
  for (auto& [name, value] : fields) {
    values.push_back({reinterpret_cast<std::uint8_t*>(name.data()),
                      reinterpret_cast<std::uint8_t*>(value.data()), name.size(), value.size(),
                      NGHTTP2_NV_FLAG_NONE});
  }
  nghttp2_data_provider provider{};
  provider.read_callback = &PeerCallbacks::read;
  const bool bodiless = end && body.empty();
  const std::int32_t stream = nghttp2_submit_request(
      session_, nullptr, values.data(), values.size(), bodiless ? nullptr : &provider, nullptr);
  uploads_[stream] = {std::string(body), end};
  return stream;
}

void Peer::more(std::int32_t stream, std::string_view body, bool end) {
  uploads_[stream].body.append(body);
  uploads_[stream].end = end;
  nghttp2_session_resume_data(session_, stream);
}

void Peer::reset(std::int32_t stream, std::uint32_t code) {
  nghttp2_submit_rst_stream(session_, 0, stream, code);
}

void Peer::ping() { nghttp2_submit_ping(session_, 0, nullptr); }

void Peer::credit(std::int32_t stream, std::int32_t bytes) {
  nghttp2_submit_window_update(session_, 0, stream, bytes);
}

std::string Peer::take_output() {
  std::string output;
  for (;;) {
    const std::uint8_t* data = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_, &data);
    if (size <= 0) return output;
    output.append(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
  }
}

bool Peer::feed(std::string_view bytes) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  return nghttp2_session_mem_recv(session_, data, bytes.size()) ==
         static_cast<ssize_t>(bytes.size());
}

std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                  std::string_view payload) {
  const auto byte = [](std::size_t value) { return static_cast<char>(value & 0xFF); };
  std::string bytes{byte(payload.size() >> 16), byte(payload.size() >> 8), byte(payload.size()),
                    static_cast<char>(type),    static_cast<char>(flags),  byte(stream >> 24),
                    byte(stream >> 16),         byte(stream >> 8),         byte(stream)};
  return bytes.append(payload);
}

}  // namespace tfe::testing
