// Reads why models are not available out of the core's model index.
#pragma once

#include <string>
#include <string_view>

namespace tfe::triton {

// "'m' version 1: <reason>; 'n' version 2: <reason>" for the entries of a model index (JSON array
// of objects of strings, as TRITONSERVER_ServerModelIndex makes it) that have a reason and are not
// READY. Empty if there are none; text that is no such index gives what could be read.
std::string unavailable_models(std::string_view index_json);

}  // namespace tfe::triton
