#include "http2/session.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>

namespace tfe::http2 {
namespace {

Session& self(void* user_data) { return *static_cast<Session*>(user_data); }
SessionEvents& events(void* user_data) { return self(user_data).events(); }

FrameInfo describe(const nghttp2_frame& frame) {
  FrameInfo info{.type = frame.hd.type,
                 .flags = frame.hd.flags,
                 .stream_id = frame.hd.stream_id,
                 .length = frame.hd.length};
  if (frame.hd.type == NGHTTP2_HEADERS) {
    info.is_request = frame.headers.cat == NGHTTP2_HCAT_REQUEST;
  } else if (frame.hd.type == NGHTTP2_RST_STREAM) {
    info.error_code = frame.rst_stream.error_code;
  } else if (frame.hd.type == NGHTTP2_GOAWAY) {
    info.error_code = frame.goaway.error_code;
  }
  return info;
}

std::string_view text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

int frame_begin(nghttp2_session*, const nghttp2_frame_hd* header, void* user_data) {
  events(user_data).on_frame_begin({.type = header->type,
                                    .flags = header->flags,
                                    .stream_id = header->stream_id,
                                    .length = header->length});
  return 0;
}

int headers_begin(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
  events(user_data).on_headers_begin(describe(*frame));
  return 0;
}

int header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
           std::size_t name_size, const std::uint8_t* value, std::size_t value_size, std::uint8_t,
           void* user_data) {
  const bool go_on =
      events(user_data).on_header(describe(*frame), text(name, name_size), text(value, value_size));
  return go_on ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

int frame_received(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
  events(user_data).on_frame(describe(*frame));
  return 0;
}

int invalid_frame(nghttp2_session*, const nghttp2_frame* frame, int error, void* user_data) {
  events(user_data).on_invalid_frame(describe(*frame), error == NGHTTP2_ERR_REFUSED_STREAM);
  return 0;
}

int data_received(nghttp2_session*, std::uint8_t, std::int32_t stream_id, const std::uint8_t* data,
                  std::size_t size, void* user_data) {
  events(user_data).on_data(stream_id, std::as_bytes(std::span(data, size)));
  return 0;
}

// Never fails: a fatal result here would leak the stream's other items in nghttp2 before 1.55.1.
int stream_closed(nghttp2_session*, std::int32_t stream_id, std::uint32_t error_code,
                  void* user_data) {
  events(user_data).on_closed(stream_id, error_code);
  return 0;
}

int frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
  events(user_data).on_sent(describe(*frame));
  return 0;
}

int send_data(nghttp2_session*, nghttp2_frame* frame, const std::uint8_t* frame_header,
              std::size_t size, nghttp2_data_source*, void* user_data) {
  constexpr std::size_t kFrameHeader = 9;
  const auto head = std::as_bytes(std::span(frame_header, kFrameHeader));
  switch (events(user_data).on_send_data(frame->hd.stream_id, head, size)) {
    case SendVerdict::kSent:
      return 0;
    case SendVerdict::kNoRoom:
      return NGHTTP2_ERR_WOULDBLOCK;
    case SendVerdict::kReset:
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }
  return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

ssize_t frame_room(nghttp2_session*, std::uint8_t, std::int32_t, std::int32_t session_window,
                   std::int32_t stream_window, std::uint32_t peer_max_frame, void* user_data) {
  const std::int64_t cap =
      std::min<std::int64_t>(peer_max_frame, self(user_data).options().max_send_frame_size);
  return static_cast<ssize_t>(
      std::min({cap, std::int64_t{session_window}, std::int64_t{stream_window}}));
}

nghttp2_session_callbacks* make_callbacks() {
  nghttp2_session_callbacks* callbacks = nullptr;
  if (nghttp2_session_callbacks_new(&callbacks) != 0) return nullptr;
  nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, &frame_begin);
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, &headers_begin);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, &header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, &frame_received);
  nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, &invalid_frame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, &data_received);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, &stream_closed);
  nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, &frame_sent);
  nghttp2_session_callbacks_set_send_data_callback(callbacks, &send_data);
  nghttp2_session_callbacks_set_data_source_read_length_callback(callbacks, &frame_room);
  return callbacks;
}

// Distributions carry these two functions in releases older than the one that introduced them
// (1.57 and 1.61), so their presence is asked for, not the version. A template, so that a name that
// is not declared is a question and not an error.
template <typename Option>
void set_flood_limits(Option* option, const AbuseLimits& limits) {
  if constexpr (requires { nghttp2_option_set_stream_reset_rate_limit(option, 1, 1); }) {
    nghttp2_option_set_stream_reset_rate_limit(option, limits.peer_resets.burst,
                                               limits.peer_resets.per_second);
  }
  if constexpr (requires { nghttp2_option_set_max_continuations(option, 1); }) {
    nghttp2_option_set_max_continuations(option, limits.continuations);
  }
}

nghttp2_option* make_option(const AbuseLimits& limits) {
  nghttp2_option* option = nullptr;
  if (nghttp2_option_new(&option) != 0) return nullptr;
  nghttp2_option_set_no_auto_window_update(option, 1);
  // No priority tree, so no memory for streams that are gone.
  nghttp2_option_set_no_closed_streams(option, 1);
  nghttp2_option_set_max_settings(option, limits.settings_entries);
  nghttp2_option_set_max_outbound_ack(option, limits.queued_acks);
#if NGHTTP2_VERSION_NUM >= 0x013200
  // gRPC clients may send metadata with blanks around it; it is theirs to keep.
  nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation(option, 1);
#endif
  set_flood_limits(option, limits);
  return option;
}

}  // namespace

Session::Session(SessionEvents& session_events, const Options& options, Role role)
    : events_(session_events), options_(options) {
  nghttp2_session_callbacks* callbacks = make_callbacks();
  nghttp2_option* option = make_option(options.abuse);
  if (callbacks != nullptr && option != nullptr) {
    const auto make =
        role == Role::kServer ? &nghttp2_session_server_new2 : &nghttp2_session_client_new2;
    make(&session_, callbacks, this, option);
  }
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);
}

Session::~Session() { nghttp2_session_del(session_); }

void Session::submit_settings() {
  const std::array<nghttp2_settings_entry, 5> entries{{
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, options_.max_concurrent_streams},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, options_.stream_window},
      {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, options_.max_frame_size},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
       static_cast<std::uint32_t>(options_.max_header_list_size)},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  }};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, entries.data(), entries.size());
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                        static_cast<std::int32_t>(options_.connection_window));
}

bool Session::receive(base::Bytes bytes) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  return nghttp2_session_mem_recv(session_, data, bytes.size()) >= 0;
}

bool Session::send(base::Bytes& frames) {
  const std::uint8_t* data = nullptr;
  const ssize_t size = nghttp2_session_mem_send(session_, &data);
  if (size < 0) return false;
  frames = std::as_bytes(std::span(data, static_cast<std::size_t>(size)));
  return true;
}

}  // namespace tfe::http2
