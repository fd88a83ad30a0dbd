// Library: the opened core.
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bindings/bind.h"
#include "bindings/errors.h"
#include "bindings/gil.h"
#include "triton/library.h"

namespace nb = nanobind;

namespace tfe::bindings {

namespace {

std::shared_ptr<const triton::Library> open(const std::string& path,
                                            const std::vector<std::string>& preload_roots) {
  triton::LibraryLocation location;
  location.library_path = path;
  location.preload_roots = preload_roots;
  return unwrap(without_gil([&] { return triton::Library::open(location); }));
}

}  // namespace

void bind_library(nb::module_& m) {
  using triton::Library;
  nb::class_<const Library>(m, "Library", "The Triton core of this process; never closed.")
      .def_static("open", open, nb::arg("path"), nb::arg("preload_roots"))
      .def_prop_ro("path", &Library::path)
      .def_prop_ro(
          "api_version",
          [](const Library& self) { return nb::make_tuple(self.api_major(), self.api_minor()); },
          nb::sig("def api_version(self) -> tuple[int, int]"));
  m.def("loaded_library", &Library::find_loaded,
        "Path of a core that this process has loaded, by us or by somebody else.");
}

}  // namespace tfe::bindings
