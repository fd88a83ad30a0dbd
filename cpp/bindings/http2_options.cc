// Options of HTTP/2 and of gRPC's calls.
#include "bindings/frontend_options.h"
#include "bindings/option_fields.h"

namespace nb = nanobind;

namespace tfe::bindings {
namespace {

http2::Rate rate(const Fields& fields, const char* burst, const char* per_second) {
  return {.burst = fields.get<std::uint32_t>(burst),
          .per_second = fields.get<std::uint32_t>(per_second)};
}

http2::AbuseLimits abuse_limits(const Fields& fields) {
  return {.peer_resets = rate(fields, "reset_burst", "resets_per_second"),
          .provoked_resets = rate(fields, "provoked_reset_burst", "provoked_resets_per_second"),
          .pings = rate(fields, "ping_burst", "pings_per_second"),
          .settings = rate(fields, "settings_burst", "settings_per_second"),
          .priorities = rate(fields, "priority_burst", "priorities_per_second"),
          .dribbles = rate(fields, "dribble_burst", "dribbles_per_second"),
          .dribble_size = fields.size("dribble_size"),
          .empty_data_frames = fields.get<std::uint32_t>("max_empty_data_frames"),
          .continuations = fields.size("max_continuations"),
          .settings_entries = fields.size("max_settings_entries"),
          .queued_acks = fields.size("max_queued_acks"),
          .max_abandoned = fields.size("max_abandoned_calls")};
}

void read_lifetimes(const Fields& fields, http2::Options& http2) {
  http2.preface_timeout = fields.milliseconds("preface_timeout_ms");
  http2.idle_timeout = fields.milliseconds("idle_timeout_ms");
  http2.write_stall_timeout = fields.milliseconds("stall_timeout_ms");
  http2.pressed_stall_timeout = fields.milliseconds("pressed_stall_timeout_ms");
  http2.keepalive_time = fields.milliseconds("keepalive_time_ms");
  http2.keepalive_timeout = fields.milliseconds("keepalive_timeout_ms");
  http2.keepalive_without_calls = fields.flag("keepalive_permit_without_calls");
  http2.max_pings_without_data = fields.get<std::uint32_t>("http2_max_pings_without_data");
  http2.min_ping_interval = fields.milliseconds("http2_min_recv_ping_interval_without_data_ms");
  http2.max_ping_strikes = fields.get<std::uint32_t>("http2_max_ping_strikes");
  http2.max_connection_age = fields.milliseconds("max_connection_age_ms");
  http2.max_connection_age_grace = fields.milliseconds("max_connection_age_grace_ms");
  http2.drain_notice = fields.milliseconds("drain_notice_ms");
}

}  // namespace

http2::Options http2_options(const nb::dict& options) {
  const Fields fields(options);
  http2::Options http2;
  http2.stream_window = fields.get<std::uint32_t>("stream_window_size");
  http2.connection_window = fields.get<std::uint32_t>("connection_window_size");
  http2.max_stream_window = fields.get<std::uint32_t>("max_stream_window_size");
  http2.max_connection_window = fields.get<std::uint32_t>("max_connection_window_size");
  http2.max_held = fields.size("max_held_per_connection");
  http2.max_frame_size = fields.get<std::uint32_t>("max_frame_size");
  http2.max_send_frame_size = fields.get<std::uint32_t>("max_send_frame_size");
  http2.max_concurrent_streams = fields.get<std::uint32_t>("max_concurrent_streams");
  http2.max_header_list_size = fields.size("max_metadata_size");
  http2.max_pending_response = fields.size("max_unsent_per_connection");
  read_lifetimes(fields, http2);
  http2.abuse = abuse_limits(fields);
  return http2;
}

grpc::RouterOptions call_options(const nb::dict& options) {
  const Fields fields(options);
  grpc::RouterOptions calls;
  calls.max_message_size = fields.size("max_receive_message_size");
  calls.max_send_size = fields.size("max_send_message_size");
  calls.message_timeout = fields.milliseconds("message_timeout_ms");
  calls.compression =
      static_cast<grpc::CompressionLevel>(fields.get<std::uint8_t>("infer_compression_level"));
  calls.max_request_bytes = fields.size("max_request_bytes");
  calls.max_connection_request_bytes = fields.size("max_request_bytes_per_connection");
  calls.max_calls = fields.size("max_calls");
  return calls;
}

}  // namespace tfe::bindings
