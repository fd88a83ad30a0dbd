// LoopWaker: wakes an asyncio event loop for all its requests.
#include <nanobind/nanobind.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/vector.h>

#include "bindings/bind.h"
#include "bindings/errors.h"
#include "bindings/py_ref.h"
#include "bindings/response_queue.h"

namespace nb = nanobind;

namespace tfe::bindings {

void bind_waker(nb::module_& m) {
  nb::class_<LoopWaker>(m, "LoopWaker", "A descriptor that is readable while tokens wait.")
      .def_static("create", [] { return unwrap(LoopWaker::create()); })
      .def_prop_ro("fd", &LoopWaker::fd)
      .def(
          "drain",
          [](LoopWaker& self) {
            collect_dropped();
            return self.drain();
          },
          "The tokens since the last call.");
}

}  // namespace tfe::bindings
