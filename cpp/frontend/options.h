// What a user sets on a frontend. Python's Options classes have the same names, defaults and
// checks; whoever fills these directly gets the checks of the layers below.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "grpc/router_options.h"
#include "http1/limits.h"
#include "http2/options.h"
#include "kserve/admission.h"
#include "server/handoff.h"

namespace tfe::frontend {

// TLS on every connection of the port. Paths of PEM files; see net::TlsContext.
struct Tls {
  bool enabled = false;
  std::string certificate_chain;
  std::string private_key;
  std::string client_ca;  // empty: clients are not asked for a certificate
  bool require_client_certificate = false;
  bool only_1_3 = false;  // 1.2 is refused too
  std::chrono::milliseconds handshake_timeout{10'000};
};

struct Endpoint {
  std::string address = "0.0.0.0";
  std::uint16_t port = 0;
  bool reuse_port = false;
  int inherited_fd = -1;  // a listening socket of the caller's, or -1
  int inbox_fd = -1;      // a socket through which accepted connections come, or -1
  // A memory file for signs of life and load, see server/beat_page.h, or -1.
  int heartbeat_fd = -1;
  std::size_t heartbeat_offset = 0;
  server::HandoffOptions handoff;
  // Event loops. Two feed the core faster than it answers small requests; more than the machine has
  // processors only adds switches, so it is cut to that.
  int thread_count = 2;
  Tls tls;
  std::size_t max_connections = 65536;
  std::size_t refusal_allowance = 64;  // connections above it that are still answered
  std::chrono::milliseconds write_timeout{60'000};
  std::size_t min_write_progress = 16U << 10;
  // One JSON line per request: a path, "-" for standard error, empty for none.
  std::string access_log;
};

// Threads for calls of the core that block: loading models, statistics, metrics. Requests beyond
// the queue are refused (429, RESOURCE_EXHAUSTED) instead of piling up behind a load that takes
// minutes.
struct Control {
  std::size_t threads = 2;
  std::size_t queue_limit = 256;
};

// Of HTTP/1.1, whatever is served over it.
struct Http {
  http1::Limits limits;
  std::vector<std::string> cors_allow_origins;  // "*" for all; empty: no cross-origin access
};

// Of inference over HTTP.
struct Service {
  Control control;
  // Bytes of JSON, of one expanded JSON tensor, of a raw binary body, of a decompressed body.
  std::size_t max_input_size = 64U << 20;
  int max_data_depth = 100;
  std::size_t max_tensors = 4096;
  std::size_t max_parameters = 4096;
  bool allow_client_shm = false;
  // "<api>[,<api>...]:<header>=<value>"; see kserve::AccessPolicy.
  std::vector<std::string> restricted_api;
  kserve::Admission::Limits admission;
  // Compression of responses, for clients that accept it: from this size on, zlib's level 1..9, 0
  // for none.
  std::size_t min_compress_size = 1024;
  int compression_level = 6;
  // Bytes of one event stream that may wait for its client.
  std::size_t max_stream_backlog = std::size_t{64} << 20;
};

// Of the methods of gRPC.
struct GrpcService {
  Control control;
  std::size_t max_tensors = 16'384;
  std::size_t max_parameters = 16'384;
  bool allow_client_shm = false;
  // "<protocol>[,<protocol>...]:<key>=<value>"; see kserve::AccessPolicy.
  std::vector<std::string> restricted_protocols;
  // RE2; see kserve::HeaderForwarding.
  std::string forward_header_pattern;
  kserve::Admission::Limits admission;
  // Bytes of one ModelStreamInfer that may wait for its client, and its requests in work at once.
  std::size_t max_stream_backlog = std::size_t{64} << 20;
  std::size_t max_stream_inflight_requests = 1024;
  std::chrono::milliseconds stream_drain_grace{0};
  bool reflection = false;
  bool deadline_as_queue_timeout = false;
};

// Calls that go to another worker, see frontend/peer_forwarder.h. Needs peers, as the hand-off.
struct Forwarding {
  // Inferences in hand more than there. 0: none leaves.
  std::size_t slack = 0;
  std::size_t max_message_size = 1U << 20;
  // Inferences that take less than this of late are not worth the way.
  std::chrono::microseconds min_latency{1'000};
};

struct GrpcOptions {
  Endpoint endpoint;
  Forwarding forwarding;
  GrpcService service;
  http2::Options http2;
  // Response bytes that may wait on all connections, see http2::Options::responses. 0: no limit.
  std::size_t max_unsent_total = std::size_t{4} << 30;
  grpc::RouterOptions calls;
};

struct HttpOptions {
  Endpoint endpoint;
  Http http;
  Service service;
  // RE2; see kserve::HeaderForwarding.
  std::string header_forward_pattern;
  // Offers gRPC on the same port; its endpoint is not looked at.
  std::optional<GrpcOptions> grpc;
};

struct MetricsOptions {
  Endpoint endpoint;
  Http http;
  Control control;
};

// The checks that need more than a look, for whoever wants them before a frontend is made.
base::Status check_header_pattern(const std::string& pattern);
base::Status check_restricted_api(const std::vector<std::string>& rules);
base::Status check_restricted_protocols(const std::vector<std::string>& rules);

}  // namespace tfe::frontend
