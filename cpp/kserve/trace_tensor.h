// The contents of a tensor as one line of text, for trace files.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "triton/types.h"

namespace tfe::kserve {

// Appends the elements in memory order, separated by commas: numbers in decimal, booleans as 0 and
// 1, BYTES elements in quotes with a backslash before quotes and backslashes; all of it as it
// stands inside of a JSON string. Bytes that are no whole element are left out.
void append_tensor_text(std::string& out, triton::DataType datatype, std::string_view data);

// Most bytes that this takes for so many bytes of a tensor.
std::size_t tensor_text_limit(triton::DataType datatype, std::size_t byte_size);

}  // namespace tfe::kserve
