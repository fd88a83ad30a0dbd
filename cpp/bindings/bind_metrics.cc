// MetricFamily and Metric: custom metrics in the core's registry; and the core's log.
#include <nanobind/nanobind.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bindings/bind.h"
#include "bindings/errors.h"
#include "bindings/gil.h"
#include "bindings/library_ptr.h"
#include "triton/library.h"
#include "triton/logging.h"
#include "triton/metrics.h"

namespace nb = nanobind;

namespace tfe::bindings {

namespace {

using triton::Metric;
using triton::MetricFamily;

std::shared_ptr<MetricFamily> create_family(const triton::Library& library, int kind,
                                            const std::string& name,
                                            const std::string& description) {
  return unwrap(without_gil([&] {
    return MetricFamily::create(shared(library), static_cast<triton::MetricKind>(kind), name,
                                description);
  }));
}

std::shared_ptr<Metric> create_metric(std::shared_ptr<MetricFamily> family,
                                      const Metric::Labels& labels) {
  return unwrap(without_gil([&] { return Metric::create(family, labels); }));
}

void log_message(const triton::Library& library, int level, const std::string& file, int line,
                 const std::string& message) {
  unwrap(without_gil([&] {
    return triton::log_message(library, static_cast<triton::LogLevel>(level), file, line, message);
  }));
}

}  // namespace

void bind_metrics(nb::module_& m) {
  nb::class_<MetricFamily>(m, "MetricFamily")
      .def_static("create", create_family, nb::arg("library"), nb::arg("kind"), nb::arg("name"),
                  nb::arg("description"))
      .def_prop_ro("kind", [](const MetricFamily& self) { return static_cast<int>(self.kind()); });
  nb::class_<Metric>(m, "Metric")
      .def_static("create", create_metric, nb::arg("family"), nb::arg("labels"))
      .def_prop_ro("kind", [](const Metric& self) { return static_cast<int>(self.kind()); })
      .def("value", [](const Metric& self) { return unwrap(self.value()); })
      .def("increment", [](Metric& self, double amount) { unwrap(self.increment(amount)); })
      .def("set", [](Metric& self, double value) { unwrap(self.set(value)); });
  m.def("log_message", log_message, nb::arg("library"), nb::arg("level"), nb::arg("file"),
        nb::arg("line"), nb::arg("message"));
}

}  // namespace tfe::bindings
