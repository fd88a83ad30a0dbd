// InferTensorContents: the typed lists that may stand for a tensor's bytes. Measured when the
// message is parsed, converted into the tensor's layout once its datatype is judged.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "kserve/request.h"

namespace tfe::kserve_grpc {

struct TensorContents {
  // The lists in the order of their field numbers, which begin at 1.
  enum List : std::uint8_t { kBool, kInt, kInt64, kUint, kUint64, kFp32, kFp64, kBytes, kLists };

  bool present() const { return !parts.empty(); }

  // Every occurrence of the sub-message; their lists are joined.
  std::vector<base::Bytes> parts;
  std::array<std::uint64_t, kLists> elements{};
  std::uint64_t bytes_size = 0;  // of kBytes: its elements with their length prefixes
};

// Adds an occurrence of the sub-message. False if it is malformed.
bool add_contents(base::Bytes part, TensorContents& contents);

// What a tensor is called in messages.
struct TensorName {
  std::string_view tensor;
  std::string_view model;
};

// The tensor's bytes as `datatype` lays them out, in memory of their own; no bytes if all lists are
// empty. Fails with kInvalidArgument for a list of another type, for two lists, and for a number
// that the datatype cannot hold.
struct OwnedBytes {
  base::Bytes bytes;
  base::Owner owner;
};
base::Result<OwnedBytes> convert_contents(const TensorContents& contents, triton::DataType datatype,
                                          const TensorName& name);

}  // namespace tfe::kserve_grpc
