// The classification extension: an output as its k best classes per batch row, each the string
// "<value>:<index>[:<label>]", best first, ties by index (Triton's classification extension leaves
// their order open).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "triton/inference.h"
#include "triton/types.h"

namespace tfe::kserve {

// Elements of one batch row that are ranked at most: ranking needs an index for each of them, and a
// row beyond this is no list of classes.
inline constexpr std::size_t kMaxClassificationElements = 1'000'000;

struct Classes {
  std::string data;     // BYTES elements: little-endian length, then the text
  triton::Shape shape;  // [rows, k] for a model that batches, else [k]
};

// The label of a class, empty if there is none.
using LabelLookup = std::function<std::string_view(std::size_t class_index)>;

// `count` > 0 classes are asked for; fewer come if a row has fewer elements, none for an empty
// output. kInvalidArgument for a type without an order and for too many elements.
base::Result<Classes> classify(const triton::OutputView& output, std::uint32_t count,
                               bool batches_first_dim, const LabelLookup& label);

}  // namespace tfe::kserve
