// What a model's metadata says about its inputs: generate requests name inputs and give values,
// types and shapes come from here.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "kserve/request.h"

namespace tfe::kserve_http {

struct ModelInput {
  std::string name;
  triton::DataType datatype = triton::DataType::kInvalid;
  triton::Shape shape;  // -1: variable; models that batch have a leading -1
};

// From the metadata text that the core writes; kInternal if it is not as documented.
base::Result<std::vector<ModelInput>> parse_model_inputs(std::string metadata);

}  // namespace tfe::kserve_http
