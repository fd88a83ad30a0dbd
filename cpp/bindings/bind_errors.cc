// The one translator from base::Error to the exception classes of tritonfrontend.errors.
#include <nanobind/nanobind.h>

#include "bindings/bind.h"
#include "bindings/errors.h"

namespace nb = nanobind;

namespace tfe::bindings {

namespace {

const char* class_name(base::Code code) {
  switch (code) {
    case base::Code::kInternal:
      return "InternalError";
    case base::Code::kNotFound:
      return "NotFoundError";
    case base::Code::kInvalidArgument:
      return "InvalidArgumentError";
    case base::Code::kUnavailable:
    case base::Code::kResourceExhausted:
    case base::Code::kDeadlineExceeded:
    case base::Code::kElsewhere:
      return "UnavailableError";
    case base::Code::kUnsupported:
    case base::Code::kPermissionDenied:
      return "UnsupportedError";
    case base::Code::kAlreadyExists:
      return "AlreadyExistsError";
    case base::Code::kCancelled:
      return "CancelledError";
    case base::Code::kUnknown:
      break;
  }
  return "UnknownError";
}

void translate(const std::exception_ptr& pointer, void*) {
  try {
    std::rethrow_exception(pointer);
  } catch (const BindingError& error) {
    const nb::object exception = to_exception(error.error);
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.ptr())), exception.ptr());
  }
}

}  // namespace

nb::object to_exception(const base::Error& error) {
  // Looked up late: the package imports this module first. Messages of the core may hold anything.
  const nb::object type =
      nb::module_::import_("tritonfrontend.errors").attr(class_name(error.code));
  PyObject* text = PyUnicode_DecodeUTF8(error.message.data(),
                                        static_cast<Py_ssize_t>(error.message.size()), "replace");
  if (!text) throw nb::python_error();
  return type(nb::steal<nb::str>(text));
}

void bind_errors(nb::module_&) { nb::register_exception_translator(translate); }

}  // namespace tfe::bindings
