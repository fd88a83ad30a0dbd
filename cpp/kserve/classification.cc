#include "kserve/classification.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <numeric>
#include <type_traits>
#include <vector>

namespace tfe::kserve {

namespace {

static_assert(std::endian::native == std::endian::little, "tensors are little-endian");

struct Rows {
  std::size_t count = 0;
  std::size_t length = 0;  // elements of each
};

base::Result<Rows> rows_of(const triton::OutputView& output, bool batches_first_dim) {
  const std::size_t element = triton::element_size(output.datatype);
  const std::size_t total = output.data.size() / element;
  Rows rows{1, total};
  if (batches_first_dim && !output.shape.empty()) {
    rows.count = static_cast<std::size_t>(std::max<std::int64_t>(output.shape[0], 0));
    rows.length = rows.count == 0 ? 0 : total / rows.count;
    if (rows.count * rows.length != total) {
      return base::fail(base::Code::kInternal, "output '" + std::string(output.name) +
                                                   "' has a size that its batch does not divide");
    }
  }
  return rows;
}

// A NaN ranks below every number: comparing it as a number would be no order at all.
template <typename T>
bool ranks_before(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(a) || std::isnan(b)) return !std::isnan(a) && std::isnan(b);
  }
  return a > b;
}

void append_element(std::string* data, const std::string& text) {
  const auto length = static_cast<std::uint32_t>(text.size());
  data->append(reinterpret_cast<const char*>(&length), sizeof(length));
  data->append(text);
}

template <typename T>
void rank_row(const std::byte* row, std::size_t length, std::size_t k, const LabelLookup& label,
              std::string* data) {
  // Tensor memory need not be aligned for T.
  std::vector<T> values(length);
  if (length > 0) std::memcpy(values.data(), row, length * sizeof(T));
  std::vector<std::uint32_t> order(length);
  std::iota(order.begin(), order.end(), 0U);
  const auto before = [&values](std::uint32_t a, std::uint32_t b) {
    if (ranks_before(values[a], values[b])) return true;
    if (ranks_before(values[b], values[a])) return false;
    return a < b;
  };
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(k), order.end(),
                    before);
  for (std::size_t i = 0; i < k; ++i) {
    std::string text = std::to_string(values[order[i]]) + ":" + std::to_string(order[i]);
    const std::string_view name = label(order[i]);
    if (!name.empty()) text.append(":").append(name);
    append_element(data, text);
  }
}

using RankRow = void (*)(const std::byte*, std::size_t, std::size_t, const LabelLookup&,
                         std::string*);

// Null for a type whose values have no order or no text.
RankRow ranker(triton::DataType type) {
  switch (type) {
    case triton::DataType::kUint8:
      return rank_row<std::uint8_t>;
    case triton::DataType::kUint16:
      return rank_row<std::uint16_t>;
    case triton::DataType::kUint32:
      return rank_row<std::uint32_t>;
    case triton::DataType::kUint64:
      return rank_row<std::uint64_t>;
    case triton::DataType::kInt8:
      return rank_row<std::int8_t>;
    case triton::DataType::kInt16:
      return rank_row<std::int16_t>;
    case triton::DataType::kInt32:
      return rank_row<std::int32_t>;
    case triton::DataType::kInt64:
      return rank_row<std::int64_t>;
    case triton::DataType::kFp32:
      return rank_row<float>;
    case triton::DataType::kFp64:
      return rank_row<double>;
    default:
      return nullptr;
  }
}

}  // namespace

base::Result<Classes> classify(const triton::OutputView& output, std::uint32_t count,
                               bool batches_first_dim, const LabelLookup& label) {
  const RankRow rank = ranker(output.datatype);
  if (!rank) {
    return base::fail(base::Code::kInvalidArgument,
                      "class result not available for output due to unsupported type '" +
                          std::string(triton::datatype_name(output.datatype)) + "'");
  }
  auto rows = rows_of(output, batches_first_dim);
  if (!rows) return std::unexpected(std::move(rows.error()));
  if (rows->length > kMaxClassificationElements) {
    return base::fail(base::Code::kInvalidArgument, "classification output tensor too large");
  }
  const std::size_t k = std::min<std::size_t>(count, rows->length);
  const std::size_t stride = rows->length * triton::element_size(output.datatype);
  Classes classes;
  if (k > 0) {
    for (std::size_t row = 0; row < rows->count; ++row) {
      rank(output.data.data() + row * stride, rows->length, k, label, &classes.data);
    }
  }
  if (batches_first_dim && !output.shape.empty()) {
    classes.shape.push_back(static_cast<std::int64_t>(rows->count));
  }
  classes.shape.push_back(static_cast<std::int64_t>(k));
  return classes;
}

}  // namespace tfe::kserve
