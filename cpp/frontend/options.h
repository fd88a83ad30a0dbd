// What a user sets on a frontend. Python's Options classes have the same names, defaults and
// checks; whoever fills these directly gets the checks of the layers below.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace tfe::frontend {

struct Endpoint {
  std::string address = "0.0.0.0";
  std::uint16_t port = 0;
  bool reuse_port = false;
  int inherited_fd = -1;  // a listening socket of the caller's, or -1
  // Event loops. Two feed the core faster than it answers small requests; more than the machine has
  // processors only adds switches, so it is cut to that.
  int thread_count = 2;
};

// Threads for calls of the core that block: loading models, statistics, metrics. Requests beyond
// the queue are refused (429, RESOURCE_EXHAUSTED) instead of piling up behind a load that takes
// minutes.
struct Control {
  std::size_t threads = 2;
  std::size_t queue_limit = 256;
};

struct HttpOptions {
  Endpoint endpoint;
  Control control;
  // Bytes of JSON, of one expanded JSON tensor, or of a raw binary body.
  std::size_t max_input_size = 64U << 20;
};

struct GrpcOptions {
  Endpoint endpoint;
  Control control;
  std::chrono::milliseconds keepalive_time{7'200'000};
  std::chrono::milliseconds keepalive_timeout{20'000};
  bool keepalive_permit_without_calls = false;
};

struct MetricsOptions {
  Endpoint endpoint;
  Control control;
};

}  // namespace tfe::frontend
