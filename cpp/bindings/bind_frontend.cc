// One Frontend class and a function for each kind: the options arrive as a dict of the fields of
// the Python Options classes, which have checked them. Threads of a frontend never touch Python.
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "bindings/bind.h"
#include "bindings/errors.h"
#include "bindings/frontend_options.h"
#include "bindings/gil.h"
#include "frontend/cloud_frontends.h"
#include "frontend/frontends.h"

namespace nb = nanobind;

namespace tfe::bindings {
namespace {

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

nb::dict statistics(const Frontend& frontend) {
  const auto numbers = without_gil([&] { return frontend.statistics(); });
  nb::dict result;
  result["connections"] = numbers.server.connections;
  result["in_flight"] = numbers.server.in_flight;
  result["requests_total"] = numbers.requests_total;
  result["accepted_total"] = numbers.server.accepted_total;
  result["refused_total"] = numbers.server.refused_total;
  result["refused_answered_total"] = numbers.server.refused_answered_total;
  result["handed_over_total"] = numbers.server.handed_over_total;
  result["received_total"] = numbers.server.received_total;
  result["forwarded_out_total"] = numbers.forwarded.sent_total;
  result["forwarded_in_total"] = numbers.forwarded.received_total;
  result["forward_failed_total"] = numbers.forwarded.failed_total;
  result["handshake_failures_total"] = numbers.server.handshake_failures_total;
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
      .def("disperse", [](Self& self) { without_gil([&] { self->disperse(); }); })
      .def(
          "adopt",
          [](Self& self, int fd) {
            return without_gil([&] { return self->adopt(base::UniqueFd(fd)); });
          },
          nb::arg("fd"))
      .def("port", [](const Self& self) { return self->port(); })
      .def(
          "statistics", [](const Self& self) { return statistics(*self); },
          nb::sig("def statistics(self) -> dict[str, int]"));
}

}  // namespace

template <typename Make, typename Read>
auto maker(Make make, Read read) {
  return [make, read](std::shared_ptr<triton::Server> server, const Options& options) {
    return BoundFrontend(unwrap(make(std::move(server), read(options))));
  };
}

void bind_frontend(nb::module_& module) {
  bind_class(module);
  const auto server = nb::arg("server");
  const auto options = nb::arg("options");
  module.def("http_frontend", maker(&frontend::make_http, &http_options), server, options,
             "KServe v2 over HTTP.");
  module.def("grpc_frontend", maker(&frontend::make_grpc, &grpc_options), server, options,
             "KServe v2 over gRPC.");
  module.def("metrics_frontend", maker(&frontend::make_metrics, &metrics_options), server, options,
             "Prometheus metrics over HTTP.");
  module.def("sagemaker_frontend", maker(&frontend::make_sagemaker, &sagemaker_options), server,
             options, "The endpoints of a SageMaker container.");
  module.def("vertex_ai_frontend", maker(&frontend::make_vertex_ai, &vertex_ai_options), server,
             options, "The endpoints of a Vertex AI container.");
  module.def(
      "check_header_pattern",
      [](const std::string& pattern) { unwrap(frontend::check_header_pattern(pattern)); },
      nb::arg("pattern"), "InvalidArgumentError for what is no RE2 expression.");
  module.def(
      "check_restricted_api",
      [](const std::vector<std::string>& rules) { unwrap(frontend::check_restricted_api(rules)); },
      nb::arg("rules"), "InvalidArgumentError for a rule that cannot be understood.");
  module.def(
      "check_restricted_protocols",
      [](const std::vector<std::string>& rules) {
        unwrap(frontend::check_restricted_protocols(rules));
      },
      nb::arg("rules"), "The same for gRPC.");
}

}  // namespace tfe::bindings
