// The contents of a tensor as one line of text, for trace files.
#pragma once

#include <string>
#include <string_view>

#include "triton/types.h"

namespace tfe::kserve {

// The elements in memory order, separated by commas: numbers in decimal, booleans as 0 and 1, BYTES
// elements in quotes with a backslash before quotes and backslashes. Bytes that are no whole
// element are left out.
std::string tensor_text(triton::DataType datatype, std::string_view data);

}  // namespace tfe::kserve
