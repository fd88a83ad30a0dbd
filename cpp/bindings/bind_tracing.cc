#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bindings/bind.h"
#include "bindings/errors.h"
#include "bindings/gil.h"
#include "frontend/tracing.h"

namespace nb = nanobind;

namespace tfe::bindings {
namespace {

class BoundTracing {
 public:
  explicit BoundTracing(std::shared_ptr<void> settings) : settings_(std::move(settings)) {}
  BoundTracing(BoundTracing&&) noexcept = default;
  BoundTracing& operator=(BoundTracing&&) = delete;
  // The last one waits until its traces are written.
  ~BoundTracing() {
    if (settings_) without_gil([this] { settings_.reset(); });
  }

 private:
  std::shared_ptr<void> settings_;
};

}  // namespace

void bind_tracing(nb::module_& module) {
  nb::class_<BoundTracing>(module, "Tracing", "Holds the trace settings of a server.");
  module.def(
      "configure_tracing",
      [](const std::shared_ptr<triton::Server>& server,
         const std::vector<std::pair<std::string, std::string>>& pairs) {
        return BoundTracing(
            unwrap(without_gil([&] { return frontend::configure_tracing(*server, pairs); })));
      },
      nb::arg("server"), nb::arg("pairs"), "Pairs as behind --trace-config.");
}

}  // namespace tfe::bindings
