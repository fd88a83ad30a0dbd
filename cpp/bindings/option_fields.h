// Typed values out of the dict of an Options object.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <chrono>
#include <string>
#include <vector>

#include "bindings/errors.h"

namespace tfe::bindings {

// A dict whose values are taken by key.
class Fields {
 public:
  explicit Fields(const nanobind::dict& dict) : dict_(dict) {}

  template <typename T>
  T get(const char* name) const {
    if (!dict_.contains(name)) {
      fail_argument("Key: " + std::string(name) + " not found in options provided.");
    }
    try {
      return nanobind::cast<T>(dict_[name]);
    } catch (const nanobind::cast_error&) {
      const std::string kind =
          nanobind::cast<std::string>(nanobind::str(dict_[name].type().attr("__name__")));
      fail_argument("Key: " + std::string(name) +
                    " found, but incorrect type or out of range. Found: " + kind);
    }
  }

  std::string text(const char* name) const { return get<std::string>(name); }
  std::vector<std::string> texts(const char* name) const {
    return get<std::vector<std::string>>(name);
  }
  std::size_t size(const char* name) const { return get<std::size_t>(name); }
  bool flag(const char* name) const { return get<bool>(name); }
  std::chrono::milliseconds milliseconds(const char* name) const {
    return std::chrono::milliseconds(get<std::int64_t>(name));
  }
  bool has_value(const char* name) const { return dict_.contains(name) && !dict_[name].is_none(); }

 private:
  const nanobind::dict& dict_;
};

}  // namespace tfe::bindings
