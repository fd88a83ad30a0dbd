// Texts of clients, which need not be UTF-8: other bytes travel as Python's surrogate escapes
// (PEP 383).
#pragma once

#include <nanobind/nanobind.h>

#include <string>

namespace tfe::bindings {

nanobind::object text(const std::string& bytes);
// Also of Python's bytes, as they are.
std::string bytes_of(nanobind::handle value);

}  // namespace tfe::bindings
