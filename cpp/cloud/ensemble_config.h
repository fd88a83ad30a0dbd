// Whether the text of a config.pbtxt describes an ensemble, without knowing the schema: a scan over
// the tokens of protobuf's text format (https://protobuf.dev/reference/protobuf/textformat-spec/).
#pragma once

#include <string_view>

namespace tfe::cloud {

// True for a top-level `platform: "ensemble"` or `ensemble_scheduling`.
bool is_ensemble_config(std::string_view text);

}  // namespace tfe::cloud
