// Decodes the entries of "outputs" of an inference request, and remembers which of them the client
// wants in binary form, which is a matter of HTTP alone.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "codec/json_reader.h"
#include "kserve/request.h"
#include "kserve_http/options.h"

namespace tfe::kserve_http {

struct OutputKinds {
  // "binary_data_output": for outputs when the request lists none.
  bool binary_by_default = false;
  // Listed outputs are JSON unless they ask for binary themselves.
  std::vector<std::pair<std::string, bool>> listed;

  bool is_binary(std::string_view output) const;
};

base::Status decode_output(codec::JsonValue element, const Options& options,
                           kserve::InferRequest& request, OutputKinds& kinds);

}  // namespace tfe::kserve_http
