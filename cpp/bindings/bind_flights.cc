#include "bindings/bind.h"
#include "bindings/errors.h"
#include "frontend/flights.h"

namespace nb = nanobind;

namespace tfe::bindings {

void bind_flights(nb::module_& module) {
  module.def(
      "record_flights",
      [](int fd, std::size_t offset) { unwrap(frontend::record_flights(fd, offset)); },
      nb::arg("fd"), nb::arg("offset"),
      "Record the requests in flight of this process in 64 KiB of a memory file. Once, before "
      "any.");
}

}  // namespace tfe::bindings
