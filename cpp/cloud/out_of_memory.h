// Tells from the text of an error whether memory ran out. SageMaker unloads other models and tries
// again when it is answered 507, and the core has no code for it: backends only write texts.
#pragma once

#include <string_view>

namespace tfe::cloud {

// The phrases that Triton's SageMaker endpoint looks for, in exact case. "OOM" counts as a word
// only, so that a model called "ROOM" that fails does not evict its neighbours.
bool tells_out_of_memory(std::string_view message);

}  // namespace tfe::cloud
