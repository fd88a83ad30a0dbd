// Response and ResponseQueue. The memory of an output outlives its response in OutputMemory.
#include <nanobind/nanobind.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/variant.h>
#include <unistd.h>

#include "bindings/bind.h"
#include "bindings/errors.h"
#include "bindings/gil.h"
#include "bindings/py_ref.h"
#include "bindings/py_response.h"
#include "bindings/response_queue.h"

namespace nb = nanobind;

namespace tfe::bindings {

namespace {

// How often a wait in the main thread looks for signals (Ctrl-C).
constexpr std::chrono::milliseconds kSignalPeriod(50);

nb::object error_of(const PyResponse& self) {
  base::Status status = self.core->status();
  return status ? nb::none() : to_exception(status.error());
}

nb::dict parameters_of(const PyResponse& self) {
  nb::dict found;
  for (triton::Parameter& parameter : unwrap(self.core->parameters())) {
    found[nb::cast(parameter.name)] = nb::cast(parameter.value);
  }
  return found;
}

nb::tuple describe(const triton::OutputView& view, base::Owner memory) {
  nb::list shape;
  for (const std::int64_t dimension : view.shape) shape.append(dimension);
  return nb::make_tuple(view.name, static_cast<int>(view.datatype), nb::tuple(shape),
                        reinterpret_cast<std::uintptr_t>(view.data.data()), view.data.size(),
                        static_cast<int>(view.place.type), view.place.id,
                        nb::cast(OutputMemory{std::move(memory)}));
}

nb::list outputs_of(const PyResponse& self) {
  nb::list found;
  for (std::size_t i = 0; i < self.memory.size(); ++i) {
    found.append(describe(unwrap(self.core->output(i)), self.memory[i]));
  }
  return found;
}

PyResponse with_memory(ResponseQueue& queue, triton::Response response) {
  std::vector<base::Owner> memory;
  const std::size_t count = response.status() ? response.output_count() : 0;
  for (std::size_t i = 0; i < count; ++i) {
    memory.push_back(queue.claim(unwrap(response.output(i)).data.data()));
  }
  return {std::move(response), std::move(memory)};
}

nb::object to_python(ResponseQueue& queue, std::optional<Delivery> delivery) {
  if (!delivery) return nb::none();
  nb::object response = nb::none();
  if (delivery->response) {
    response = nb::cast(with_memory(queue, *std::move(delivery->response)));
  }
  return nb::make_tuple(response, delivery->final);
}

nb::object get(ResponseQueue& self) {
  collect_dropped();
  // Only the main thread can be interrupted by a signal; others sleep until there is something.
  const bool interruptible = ::getpid() == ::gettid();
  const Holding holding;
  while (true) {
    auto delivery =
        without_gil([&] { return interruptible ? self.wait(kSignalPeriod) : self.wait(); });
    if (delivery || self.finished()) return to_python(self, std::move(delivery));
    if (PyErr_CheckSignals() != 0) throw nb::python_error();
  }
}

nb::object try_get(ResponseQueue& self) {
  collect_dropped();
  return to_python(self, self.try_get());
}

}  // namespace

void bind_response(nb::module_& m) {
  nb::class_<OutputMemory>(m, "OutputMemory", "Keeps the memory of one output.");
  nb::class_<PyResponse>(m, "Response")
      .def_prop_ro("error", error_of, nb::sig("def error(self) -> Exception | None"))
      .def_prop_ro("model_name", [](const PyResponse& self) { return self.core->model_name(); })
      .def_prop_ro("model_version",
                   [](const PyResponse& self) { return self.core->model_version(); })
      .def_prop_ro("id", [](const PyResponse& self) { return self.core->id(); })
      .def("parameters", parameters_of,
           nb::sig("def parameters(self) -> dict[str, bool | int | float | str]"))
      .def(
          "outputs", outputs_of,
          nb::sig("def outputs(self) -> "
                  "list[tuple[str, int, tuple[int, ...], int, int, int, int, OutputMemory]]"),
          "Name, data type, shape, address, bytes, memory type, memory id, what keeps the memory.");

  nb::class_<ResponseQueue>(m, "ResponseQueue")
      .def(nb::new_([] { return std::make_shared<ResponseQueue>(); }))
      .def("get", get, nb::sig("def get(self) -> tuple[Response | None, bool] | None"),
           "Waits for a response (None for a bare final flag) and whether it is final; then None.")
      .def("try_get", try_get, nb::sig("def try_get(self) -> tuple[Response | None, bool] | None"),
           "As get, without waiting; None if there is nothing.")
      .def("watch", &ResponseQueue::watch, nb::arg("waker"), nb::arg("token"),
           "One wake-up as soon as there is something to get.")
      .def("unwatch", &ResponseQueue::unwatch);
}

}  // namespace tfe::bindings
