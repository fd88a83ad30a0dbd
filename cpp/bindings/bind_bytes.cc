// BYTES tensors: for each element a 4-byte length in native order, then the bytes, no padding.
#include <nanobind/nanobind.h>

#include <cstdint>
#include <cstring>
#include <limits>

#include "bindings/bind.h"
#include "bindings/errors.h"

namespace nb = nanobind;

namespace tfe::bindings {

namespace {

constexpr std::size_t kLength = sizeof(std::uint32_t);

// bytes as they are, everything else as str() in UTF-8.
nb::bytes element_bytes(nb::handle element) {
  if (PyBytes_Check(element.ptr())) return nb::borrow<nb::bytes>(element);
  const nb::str text = nb::str(element);
  PyObject* encoded = PyUnicode_AsUTF8String(text.ptr());
  if (!encoded) throw nb::python_error();
  return nb::steal<nb::bytes>(encoded);
}

nb::bytes encode(const nb::list& elements) {
  std::string text;
  for (nb::handle element : elements) {
    const nb::bytes bytes = element_bytes(element);
    if (bytes.size() > std::numeric_limits<std::uint32_t>::max()) {
      fail_argument("an element of a BYTES tensor is larger than 4 GiB");
    }
    const auto length = static_cast<std::uint32_t>(bytes.size());
    text.append(reinterpret_cast<const char*>(&length), kLength);
    text.append(bytes.c_str(), bytes.size());
  }
  return nb::bytes(text.data(), text.size());
}

nb::list decode(std::uintptr_t address, std::size_t size) {
  const char* data = reinterpret_cast<const char*>(address);
  nb::list elements;
  while (size > 0) {
    std::uint32_t length = 0;
    if (size >= kLength) std::memcpy(&length, data, kLength);
    if (size < kLength || length > size - kLength) {
      fail_argument("a BYTES tensor ends in the middle of an element");
    }
    elements.append(nb::bytes(data + kLength, length));
    data += kLength + length;
    size -= kLength + length;
  }
  return elements;
}

}  // namespace

void bind_bytes(nb::module_& m) {
  m.def("encode_bytes", encode, nb::arg("elements"),
        nb::sig("def encode_bytes(elements: list[object]) -> bytes"));
  m.def("decode_bytes", decode, nb::arg("address"), nb::arg("size"),
        nb::sig("def decode_bytes(address: int, size: int) -> list[bytes]"));
}

}  // namespace tfe::bindings
