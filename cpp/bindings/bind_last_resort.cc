#include <nanobind/stl/string.h>

#include <chrono>
#include <string>
#include <utility>

#include "base/last_resort.h"
#include "bindings/bind.h"
#include "bindings/errors.h"

namespace nb = nanobind;

namespace tfe::bindings {

void bind_last_resort(nb::module_& m) {
  m.def(
      "arm_last_resort",
      [](int pid, double seconds, int code, std::string words) {
        if (!(seconds >= 0 && seconds <= 1e9)) fail_argument("seconds: expected 0 to 1e9");
        const auto grace = std::chrono::duration_cast<std::chrono::nanoseconds>(
            std::chrono::duration<double>(seconds));
        unwrap(base::arm_last_resort(pid, grace, code, std::move(words)));
      },
      nb::arg("pid"), nb::arg("seconds"), nb::arg("code"), nb::arg("words"),
      "End this process with `code` if it is still there so long after the process `pid` has "
      "ended, whatever its threads do. No core is loaded for it, and no lock is taken.");
}

}  // namespace tfe::bindings
