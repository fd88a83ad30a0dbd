// The GIL rule of the bindings.
//
// Every call that can block, take a lock that a blocked thread holds, or run another thread's work
// goes through without_gil(). Threads of the core never take the GIL: they would wait for Python in
// the middle of the data path, and a thread that asks for it while the interpreter shuts down is
// ended by it. What they have to say goes into a ResponseQueue; what they have to drop goes through
// py_ref.h.
#pragma once

#include <nanobind/nanobind.h>

#include <utility>

namespace tfe::bindings {

template <typename Work>
auto without_gil(Work&& work) {
  nanobind::gil_scoped_release release;
  return std::forward<Work>(work)();
}

}  // namespace tfe::bindings
