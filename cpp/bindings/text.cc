#include "bindings/text.h"

namespace nb = nanobind;

namespace tfe::bindings {

nb::object text(const std::string& bytes) {
  const auto size = static_cast<Py_ssize_t>(bytes.size());
  PyObject* object = PyUnicode_DecodeUTF8(bytes.data(), size, "surrogateescape");
  if (object == nullptr) throw nb::python_error();
  return nb::steal(object);
}

std::string bytes_of(nb::handle value) {
  if (PyBytes_Check(value.ptr()) != 0) {
    const auto bytes = nb::borrow<nb::bytes>(value);
    return {bytes.c_str(), bytes.size()};
  }
  PyObject* encoded = PyUnicode_AsEncodedString(value.ptr(), "utf-8", "surrogateescape");
  if (encoded == nullptr) throw nb::python_error();
  const auto bytes = nb::steal<nb::bytes>(encoded);
  return {bytes.c_str(), bytes.size()};
}

}  // namespace tfe::bindings
