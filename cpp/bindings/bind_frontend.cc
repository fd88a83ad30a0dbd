// One Frontend class and a function for each kind: the options arrive as a dict of the fields of
// the Python Options classes, which have checked them. Threads of a frontend never touch Python.
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

using Options = nb::typed<nb::dict, nb::str, nb::any>;

class BoundFrontend {
 public:
  explicit BoundFrontend(std::unique_ptr<Frontend> frontend) : frontend_(std::move(frontend)) {}
  BoundFrontend(BoundFrontend&&) noexcept = default;
  BoundFrontend& operator=(BoundFrontend&&) = delete;
  // Stopping joins threads.
  ~BoundFrontend() {
    if (frontend_) without_gil([this] { frontend_.reset(); });
  }
  Frontend& operator*() const { return *frontend_; }
  Frontend* operator->() const { return frontend_.get(); }

 private:
  std::unique_ptr<Frontend> frontend_;
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

void bind_class(nb::module_& module) {
  using Self = BoundFrontend;
  nb::class_<Self>(module, "Frontend", "A listening server in front of an inference server.")
      .def("start", [](Self& self) { unwrap(without_gil([&] { return self->start(); })); })
      .def("stop", [](Self& self) { unwrap(without_gil([&] { return self->stop(); })); })
      .def(
          "drain",
          [](Self& self, double seconds) {
            const auto timeout =
                std::chrono::duration_cast<base::Duration>(std::chrono::duration<double>(seconds));
            return without_gil([&] { return self->drain(timeout); });
          },
          nb::arg("seconds"))
      .def("port", [](const Self& self) { return self->port(); })
      .def(
          "statistics", [](const Self& self) { return statistics(*self); },
          nb::sig("def statistics(self) -> dict[str, int]"));
}

}  // namespace

void bind_frontend(nb::module_& module) {
  bind_class(module);
  module.def(
      "http_frontend",
      [](std::shared_ptr<triton::Server> server, const Options& options) {
        return BoundFrontend(frontend::make_http(std::move(server), http_options(options)));
      },
      nb::arg("server"), nb::arg("options"), "KServe v2 over HTTP.");
  module.def(
      "grpc_frontend",
      [](std::shared_ptr<triton::Server> server, const Options& options) {
        return BoundFrontend(frontend::make_grpc(std::move(server), grpc_options(options)));
      },
      nb::arg("server"), nb::arg("options"), "KServe v2 over gRPC.");
  module.def(
      "metrics_frontend",
      [](std::shared_ptr<triton::Server> server, const Options& options) {
        return BoundFrontend(frontend::make_metrics(std::move(server), metrics_options(options)));
      },
      nb::arg("server"), nb::arg("options"), "Prometheus metrics over HTTP.");
}

}  // namespace tfe::bindings
