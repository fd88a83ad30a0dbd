// The JSON of SageMaker's POST /models: {"model_name": "<hash>", "url": "/opt/ml/models/..."}.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/status.h"

namespace tfe::cloud {

struct LoadBody {
  std::string name;
  std::string url;
};

// `body` is followed by readable padding for codec::JsonReader. Both members are required and
// strings; others are ignored; the first of a repeated member counts. Fails with the texts that
// Triton's JSON errors have.
base::Result<LoadBody> read_load_body(base::Bytes body);

}  // namespace tfe::cloud
