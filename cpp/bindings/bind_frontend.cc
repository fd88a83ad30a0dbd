// HttpFrontend, GrpcFrontend and MetricsFrontend: the options arrive as a dict of the fields of the
// Python Options classes, which have checked them. Threads of a frontend never touch Python.
#include "bindings/bind_frontend.h"

#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>

#include <chrono>
#include <memory>
#include <string>

#include "bindings/errors.h"
#include "bindings/gil.h"
#include "frontend/frontends.h"

namespace nb = nanobind;

namespace tfe::bindings {
namespace {

using frontend::Endpoint;
using frontend::Frontend;

// Distinct types for nanobind; what they hold is the same.
template <int kKind>
struct Bound {
  std::unique_ptr<Frontend> frontend;

  // Stopping joins threads.
  ~Bound() {
    without_gil([this] { frontend.reset(); });
  }
};

template <typename T>
T option(const nb::dict& options, const char* name) {
  if (!options.contains(name)) {
    fail_argument("Key: " + std::string(name) + " not found in options provided.");
  }
  try {
    return nb::cast<T>(options[name]);
  } catch (const nb::cast_error&) {
    const std::string kind = nb::cast<std::string>(nb::str(options[name].type().attr("__name__")));
    fail_argument("Key: " + std::string(name) +
                  " found, but incorrect type or out of range. Found: " + kind);
  }
}

std::chrono::milliseconds milliseconds(const nb::dict& options, const char* name) {
  return std::chrono::milliseconds(option<std::int64_t>(options, name));
}

Endpoint endpoint_of(const nb::dict& options, const char* threads) {
  Endpoint endpoint;
  endpoint.address = option<std::string>(options, "address");
  endpoint.port = option<std::uint16_t>(options, "port");
  endpoint.reuse_port = option<bool>(options, "reuse_port");
  endpoint.thread_count = option<int>(options, threads);
  if (nb::object fd = options["fd"]; !fd.is_none())
    endpoint.inherited_fd = option<int>(options, "fd");
  return endpoint;
}

frontend::HttpOptions http_options(const nb::dict& options) {
  return {.endpoint = endpoint_of(options, "thread_count"),
          .control = {},
          .max_input_size = option<std::size_t>(options, "max_input_size")};
}

frontend::GrpcOptions grpc_options(const nb::dict& options) {
  return {
      .endpoint = endpoint_of(options, "infer_thread_count"),
      .control = {},
      .keepalive_time = milliseconds(options, "keepalive_time_ms"),
      .keepalive_timeout = milliseconds(options, "keepalive_timeout_ms"),
      .keepalive_permit_without_calls = option<bool>(options, "keepalive_permit_without_calls")};
}

frontend::MetricsOptions metrics_options(const nb::dict& options) {
  return {.endpoint = endpoint_of(options, "thread_count"), .control = {}};
}

nb::dict statistics(const Frontend& frontend) {
  const auto numbers = without_gil([&] { return frontend.statistics(); });
  nb::dict result;
  result["connections"] = numbers.server.connections;
  result["in_flight"] = numbers.server.in_flight;
  result["requests_total"] = numbers.requests_total;
  result["accepted_total"] = numbers.server.accepted_total;
  result["refused_total"] = numbers.server.refused_total;
  result["bytes_in"] = numbers.server.bytes_in;
  result["bytes_out"] = numbers.server.bytes_out;
  return result;
}

template <int kKind, typename Make>
void bind_one(nb::module_& module, const char* name, const char* doc, Make make) {
  using Self = Bound<kKind>;
  nb::class_<Self>(module, name, doc)
      .def(
          "__init__",
          [make](Self* self, std::shared_ptr<triton::Server> server,
                 const nb::typed<nb::dict, nb::str, nb::any>& options) {
            new (self) Self{make(std::move(server), options)};
          },
          nb::arg("server"), nb::arg("options"))
      .def("start", [](Self& self) { unwrap(without_gil([&] { return self.frontend->start(); })); })
      .def("stop", [](Self& self) { unwrap(without_gil([&] { return self.frontend->stop(); })); })
      .def(
          "drain",
          [](Self& self, double seconds) {
            const auto timeout =
                std::chrono::duration_cast<base::Duration>(std::chrono::duration<double>(seconds));
            return without_gil([&] { return self.frontend->drain(timeout); });
          },
          nb::arg("seconds"))
      .def("port", [](const Self& self) { return self.frontend->port(); })
      .def(
          "statistics", [](const Self& self) { return statistics(*self.frontend); },
          nb::sig("def statistics(self) -> dict[str, int]"));
}

}  // namespace

void bind_frontend(nb::module_& module) {
  bind_one<0>(module, "HttpFrontend", "KServe v2 over HTTP.",
              [](std::shared_ptr<triton::Server> server, const nb::dict& options) {
                return frontend::make_http(std::move(server), http_options(options));
              });
  bind_one<1>(module, "GrpcFrontend", "KServe v2 over gRPC.",
              [](std::shared_ptr<triton::Server> server, const nb::dict& options) {
                return frontend::make_grpc(std::move(server), grpc_options(options));
              });
  bind_one<2>(module, "MetricsFrontend", "Prometheus metrics over HTTP.",
              [](std::shared_ptr<triton::Server> server, const nb::dict& options) {
                return frontend::make_metrics(std::move(server), metrics_options(options));
              });
}

}  // namespace tfe::bindings
