// From the "url" of SageMaker's POST /models to the folder that the core is given: which paths are
// acceptable, and which of the folders in there is the model.
//
// Reads the file system; run it on an executor. Everything is checked on real paths, because what
// unpacked a model archive may have left symbolic links in it.
#pragma once

#include <string>

#include "base/status.h"

namespace tfe::cloud {

struct ModelLocation {
  std::string repository;  // real path of the folder that holds the model's folder
  std::string directory;   // name of the model's folder in there
  std::string shown;       // the repository as the client wrote it, normalised
};

// `url` must be <root>/<name>/model or a folder below, with a name of letters, digits, '.' and '_'.
// The model's folder is
//  * `url` itself, if it holds a config.pbtxt, or only folders of versions ("1", "2");
//  * otherwise, of the folders in it whose names do not begin with a dot, the only one that is an
//    ensemble by its config.pbtxt, because an ensemble comes with the models it is made of;
//  * otherwise the only one.
// Fails with kInvalidArgument, and with the names to choose from where there is more than one.
base::Result<ModelLocation> locate_model(const std::string& root, const std::string& url);

}  // namespace tfe::cloud
