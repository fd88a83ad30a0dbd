// References to Python objects that any thread may drop, without the GIL and after the interpreter
// has ended.
//
// The last drop puts the object on a list; the list is emptied by the next call into the bindings
// (collect_dropped) and, should none come, by the main thread between two of its instructions.
#pragma once

#include <nanobind/nanobind.h>

#include "base/bytes.h"

namespace tfe::bindings {

// Takes its own reference. Needs the GIL.
base::Owner owner_of(nanobind::handle object);

// Releases what was dropped since the last call. Needs the GIL. Cheap when there is nothing.
void collect_dropped();

// Counts itself as something that a thread still holds when the interpreter ends: what hangs on it
// is then no leak.
class Holding {
 public:
  Holding();
  ~Holding();
  Holding(const Holding&) = delete;
  Holding& operator=(const Holding&) = delete;
};

// True once the interpreter began to end: threads of the core must not wake Python any more.
bool interpreter_ending();

}  // namespace tfe::bindings
