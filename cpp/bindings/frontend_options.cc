#include "bindings/frontend_options.h"

#include <array>
#include <charconv>
#include <chrono>
#include <limits>
#include <string>
#include <vector>

#include "bindings/option_fields.h"

namespace nb = nanobind;

namespace tfe::bindings {
namespace {

frontend::Tls tls_options(const Fields& fields) {
  frontend::Tls tls;
  tls.enabled = fields.flag("use_ssl");
  tls.certificate_chain = fields.text("server_cert");
  tls.private_key = fields.text("server_key");
  tls.client_ca = fields.text("root_cert");
  tls.require_client_certificate = fields.flag("use_mutual_auth");
  tls.only_1_3 = fields.text("tls_min_version") == "1.3";
  tls.handshake_timeout = fields.milliseconds("tls_handshake_timeout_ms");
  return tls;
}

// "<offset of a page>:<of the other>:<of the accepting byte>:<descriptor of the inbox>"
server::PortPeer handoff_peer(const std::string& text) {
  std::array<std::size_t, 4> numbers{};
  const char* at = text.data();
  const char* const end = at + text.size();
  bool valid = true;
  for (std::size_t i = 0; i < numbers.size() && valid; ++i) {
    const auto parsed = std::from_chars(at, end, numbers[i]);
    const bool last = i + 1 == numbers.size();
    at = parsed.ptr;
    valid = parsed.ec == std::errc() && (last ? at == end : at != end && *at++ == ':');
  }
  if (!valid || numbers[3] > std::numeric_limits<int>::max()) {
    fail_argument("handoff_peers: expected three offsets and a descriptor as a:b:c:d, got '" +
                  text + "'");
  }
  return {.page_offsets = {numbers[0], numbers[1]},
          .accepting_offset = numbers[2],
          .inbox_fd = static_cast<int>(numbers[3])};
}

frontend::Control control_options(const Fields& fields) {
  return {.threads = fields.size("control_thread_count"),
          .queue_limit = fields.size("control_queue_limit")};
}

}  // namespace

frontend::Endpoint endpoint_options(const nb::dict& options, const char* thread_count) {
  const Fields fields(options);
  frontend::Endpoint endpoint;
  endpoint.address = fields.text("address");
  endpoint.port = fields.get<std::uint16_t>("port");
  endpoint.reuse_port = fields.flag("reuse_port");
  endpoint.thread_count = fields.get<int>(thread_count);
  if (fields.has_value("fd")) endpoint.inherited_fd = fields.get<int>("fd");
  if (fields.has_value("inbox_fd")) endpoint.inbox_fd = fields.get<int>("inbox_fd");
  if (fields.has_value("heartbeat_fd")) endpoint.heartbeat_fd = fields.get<int>("heartbeat_fd");
  endpoint.heartbeat_offset = fields.size("heartbeat_offset");
  endpoint.handoff.slack = fields.size("handoff_slack");
  for (const auto& text : fields.texts("handoff_peers")) {
    endpoint.handoff.peers.push_back(handoff_peer(text));
  }
  endpoint.tls = tls_options(fields);
  endpoint.max_connections = fields.size("max_connections");
  endpoint.refusal_allowance = fields.size("refusal_allowance");
  endpoint.min_write_progress = fields.size("min_write_progress");
  endpoint.write_timeout = fields.milliseconds("write_timeout_ms");
  endpoint.access_log = fields.text("access_log");
  return endpoint;
}

frontend::Http http1_options(const nb::dict& options) {
  const Fields fields(options);
  frontend::Http http;
  http.limits.idle_timeout = fields.milliseconds("idle_timeout_ms");
  http.limits.drain_grace = fields.milliseconds("drain_grace_ms");
  http.limits.header_timeout = fields.milliseconds("header_timeout_ms");
  http.limits.body_timeout = fields.milliseconds("body_timeout_ms");
  http.limits.min_body_progress = fields.size("min_body_progress");
  http.limits.max_requests = fields.size("max_requests_per_connection");
  http.limits.max_request_line = fields.size("max_request_line");
  http.limits.max_head_bytes = fields.size("max_header_size");
  http.limits.max_header_count = fields.size("max_header_count");
  http.limits.max_body_bytes = fields.size("max_body_size");
  http.cors_allow_origins = fields.texts("cors_allow_origins");
  return http;
}

frontend::Service service_options(const nb::dict& options) {
  const Fields fields(options);
  frontend::Service service;
  service.control = control_options(fields);
  service.max_input_size = fields.size("max_input_size");
  service.max_data_depth = fields.get<int>("max_data_depth");
  service.max_tensors = fields.size("max_tensors");
  service.max_parameters = fields.size("max_parameters");
  service.allow_client_shm = fields.flag("allow_client_shm");
  service.restricted_api = fields.texts("restricted_api");
  service.admission = {.max_requests = fields.size("max_inflight_requests"),
                       .max_bytes = fields.size("max_inflight_bytes")};
  service.min_compress_size = fields.size("min_compress_size");
  service.compression_level = fields.get<int>("compression_level");
  service.max_stream_backlog = fields.size("max_stream_backlog");
  return service;
}

frontend::HttpOptions http_options(const nb::dict& options) {
  const Fields fields(options);
  frontend::HttpOptions http{.endpoint = endpoint_options(options, "thread_count"),
                             .http = http1_options(options),
                             .service = service_options(options),
                             .header_forward_pattern = fields.text("header_forward_pattern"),
                             .grpc = std::nullopt};
  if (fields.has_value("grpc")) http.grpc = grpc_options(fields.get<nb::dict>("grpc"));
  return http;
}

frontend::GrpcService grpc_service_options(const nb::dict& options) {
  const Fields fields(options);
  frontend::GrpcService service;
  service.control = control_options(fields);
  service.max_tensors = fields.size("max_tensors");
  service.max_parameters = fields.size("max_parameters");
  service.allow_client_shm = fields.flag("allow_client_shm");
  service.restricted_protocols = fields.texts("restricted_protocols");
  service.forward_header_pattern = fields.text("forward_header_pattern");
  service.admission = {.max_requests = fields.size("max_inflight_requests"),
                       .max_bytes = fields.size("max_inflight_bytes")};
  service.max_stream_backlog = fields.size("max_stream_backlog");
  service.max_stream_inflight_requests = fields.size("max_stream_inflight_requests");
  service.stream_drain_grace = fields.milliseconds("stream_drain_grace_ms");
  service.reflection = fields.flag("reflection");
  service.deadline_as_queue_timeout = fields.flag("deadline_as_queue_timeout");
  return service;
}

frontend::Forwarding forwarding_options(const nb::dict& options) {
  const Fields fields(options);
  return {.slack = fields.size("forward_slack"),
          .max_message_size = fields.size("forward_max_bytes"),
          .min_latency = std::chrono::microseconds(fields.size("forward_min_latency_us"))};
}

frontend::GrpcOptions grpc_options(const nb::dict& options) {
  return {.endpoint = endpoint_options(options, "infer_thread_count"),
          .forwarding = forwarding_options(options),
          .service = grpc_service_options(options),
          .http2 = http2_options(options),
          .max_unsent_total = Fields(options).size("max_unsent_total"),
          .calls = call_options(options)};
}

frontend::MetricsOptions metrics_options(const nb::dict& options) {
  return {.endpoint = endpoint_options(options, "thread_count"),
          .http = http1_options(options),
          .control = {}};
}

frontend::SageMakerOptions sagemaker_options(const nb::dict& options) {
  const Fields fields(options);
  const std::chrono::duration<double> unload_timeout(fields.get<double>("unload_timeout_s"));
  cloud::SageMakerOptions sagemaker;
  sagemaker.ping_mode = fields.text("ping_mode");
  sagemaker.default_model = fields.text("default_model");
  sagemaker.inference_type = fields.text("inference_type");
  sagemaker.models_root = fields.text("models_root");
  sagemaker.unload_timeout = std::chrono::duration_cast<std::chrono::milliseconds>(unload_timeout);
  return {.endpoint = endpoint_options(options, "thread_count"),
          .http = http1_options(options),
          .service = service_options(options),
          .sagemaker = std::move(sagemaker)};
}

frontend::VertexAiOptions vertex_ai_options(const nb::dict& options) {
  const Fields fields(options);
  return {.endpoint = endpoint_options(options, "thread_count"),
          .http = http1_options(options),
          .service = service_options(options),
          .vertex = {.predict_route = fields.text("predict_route"),
                     .health_route = fields.text("health_route"),
                     .default_model = fields.text("default_model")}};
}

}  // namespace tfe::bindings
