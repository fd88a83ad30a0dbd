// The list behind py_ref.h, and the mark that the interpreter is about to end.
#include <nanobind/nanobind.h>

#include <atomic>
#include <mutex>
#include <utility>
#include <vector>

#include "bindings/bind.h"
#include "bindings/py_ref.h"

namespace nb = nanobind;

namespace tfe::bindings {

namespace {

struct Dropped {
  std::mutex mutex;
  std::vector<PyObject*> objects;
  std::atomic<bool> any = false;
  std::atomic<bool> ending = false;
  std::atomic<std::size_t> held = 0;  // owners that live, and threads that wait
};

// Never destroyed: threads of the core outlive the static objects of this library.
Dropped& dropped() {
  static auto* list = new Dropped;
  return *list;
}

int collect_pending(void*) {
  collect_dropped();
  return 0;
}

void drop(PyObject* object) {
  Dropped& list = dropped();
  std::lock_guard lock(list.mutex);
  if (list.ending) return;  // the process is about to end; its memory ends with it
  --list.held;
  const bool first = list.objects.empty();
  list.objects.push_back(object);
  list.any = true;
  // Needs no GIL. A full table of pending calls is no loss: the next call collects.
  if (first) Py_AddPendingCall(collect_pending, nullptr);
}

// Runs at interpreter exit, before Python objects become unusable. What threads still hold then
// stays for ever and is not worth a report; without such, every leak is a mistake.
void shut_down() {
  {
    std::lock_guard lock(dropped().mutex);
    dropped().ending = true;
  }
  collect_dropped();
  if (dropped().held > 0) nb::set_leak_warnings(false);
}

}  // namespace

Holding::Holding() { ++dropped().held; }
Holding::~Holding() { --dropped().held; }

base::Owner owner_of(nb::handle object) {
  ++dropped().held;
  PyObject* pointer = object.inc_ref().ptr();
  return {static_cast<const void*>(pointer), [pointer](const void*) { drop(pointer); }};
}

void collect_dropped() {
  Dropped& list = dropped();
  if (!list.any) return;
  std::vector<PyObject*> objects;
  {
    std::lock_guard lock(list.mutex);
    objects.swap(list.objects);
    list.any = false;
  }
  for (PyObject* object : objects)
    Py_DECREF(object);  // may run any Python code: not under the lock
}

bool interpreter_ending() { return dropped().ending; }

void bind_lifetime(nb::module_&) {
  nb::module_::import_("atexit").attr("register")(nb::cpp_function(shut_down));
}

}  // namespace tfe::bindings
