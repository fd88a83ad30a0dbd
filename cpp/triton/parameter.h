// Owners of the core's parameter objects: for model loads, repository mappings and metric labels.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "triton/api.h"
#include "triton/server.h"

namespace tfe::triton {

// A list as the C API takes it. The core borrows it for the duration of a call; values that it does
// not copy (file contents) must outlive the list.
class ParameterList {
 public:
  explicit ParameterList(const Api& api) : api_(api) {}
  ~ParameterList();
  ParameterList(const ParameterList&) = delete;
  ParameterList& operator=(const ParameterList&) = delete;

  base::Status add(const LoadParameter& parameter);
  base::Status add(const std::string& name, const std::string& value);

  const TRITONSERVER_Parameter** data() { return handles_.data(); }
  std::size_t size() const { return handles_.size(); }

 private:
  base::Status add_handle(TRITONSERVER_Parameter* handle, const std::string& name);

  const Api& api_;
  std::vector<const TRITONSERVER_Parameter*> handles_;
};

}  // namespace tfe::triton
