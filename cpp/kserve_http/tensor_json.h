// Tensors as JSON arrays: the elements of an input's "data", and an output's elements as text.
//
// Reading flattens depth first and does not compare the nesting with the shape, as Triton does not;
// the count of elements must agree. Integers that do not fit the type are refused (Triton wraps
// them); numbers too large for a floating-point type become infinite. FP16 and BF16, which Triton
// takes in binary form only, are rounded to nearest.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/status.h"
#include "codec/json_reader.h"
#include "kserve/request.h"
#include "kserve_http/options.h"

namespace tfe::kserve_http {

// The tensor that "data" is for. `json_size` bounds the elements that there can be.
struct DataTarget {
  std::string_view name;
  triton::DataType datatype = triton::DataType::kInvalid;
  const triton::Shape& shape;
  std::size_t json_size = 0;
  bool scalar = false;  // a value that is no array stands for an array of one
};

struct DecodedData {
  base::Bytes bytes;
  base::Owner owner;
};

// BYTES become 4-byte little-endian lengths, each followed by the string.
base::Result<DecodedData> decode_data(codec::JsonValue data, const DataTarget& target,
                                      const Options& options);

// Whether the shape has no elements. A shape without dimensions is a scalar and has one.
bool has_zero_elements(const triton::Shape& shape);

// Appends "[...]". kInternal if `data` does not hold what `shape` says.
base::Status append_data(std::string& out, std::string_view name, triton::DataType datatype,
                         std::span<const std::int64_t> shape, base::Bytes data);

}  // namespace tfe::kserve_http
