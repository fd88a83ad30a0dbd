#include "kserve_grpc/infer_message.h"

#include <string>

#include "codec/proto_reader.h"

namespace tfe::kserve_grpc {
namespace {

using codec::field_key;
using codec::ProtoReader;
using codec::Wire;

// ModelInferRequest.raw_input_contents.
constexpr std::uint32_t kRawContents = field_key(7, Wire::kBytes);

base::Error malformed() { return {base::Code::kInternal, "Unable to parse request"}; }

base::Error too_many(std::size_t limit, std::string_view what) {
  return {base::Code::kResourceExhausted,
          "the request has more than " + std::to_string(limit) + " " + std::string(what)};
}

class Parser {
 public:
  explicit Parser(const MessageLimits& limits) : limits_(limits) {}

  base::Result<InferMessage> run(base::Bytes message) {
    InferMessage result;
    ProtoReader reader(message);
    while (reader.next() && good_) read_field(reader, result);
    if (reader.failed()) fail(malformed());
    drop_overwritten(result.parameters);
    if (!good_) return std::unexpected(error_);
    return result;
  }

 private:
  void read_field(ProtoReader& reader, InferMessage& result) {
    switch (reader.key()) {
      case field_key(1, Wire::kBytes):
        result.model_name = reader.text();
        break;
      case field_key(2, Wire::kBytes):
        result.model_version = reader.text();
        break;
      case field_key(3, Wire::kBytes):
        result.id = reader.text();
        break;
      case field_key(4, Wire::kBytes):
        parameter(reader.bytes(), result.parameters);
        break;
      case field_key(5, Wire::kBytes):
        if (room(result.inputs, "inputs")) input(reader.bytes(), result.inputs.emplace_back());
        break;
      case field_key(6, Wire::kBytes):
        if (room(result.outputs, "outputs")) output(reader.bytes(), result.outputs.emplace_back());
        break;
      case kRawContents:
        if (room(result.raw_inputs, "raw_input_contents")) {
          result.raw_inputs.push_back(reader.bytes());
        }
        break;
      default:
        break;
    }
  }

  void input(base::Bytes message, WireInput& input) {
    ProtoReader reader(message);
    while (reader.next() && good_) {
      switch (reader.key()) {
        case field_key(1, Wire::kBytes):
          input.name = reader.text();
          break;
        case field_key(2, Wire::kBytes):
          input.datatype = reader.text();
          break;
        case field_key(3, Wire::kVarint):
          dimension(reader.int64(), input.shape);
          break;
        case field_key(3, Wire::kBytes):
          dimensions(reader.bytes(), input.shape);
          break;
        case field_key(4, Wire::kBytes):
          parameter(reader.bytes(), input.parameters);
          break;
        case field_key(5, Wire::kBytes):
          if (!add_contents(reader.bytes(), input.contents)) fail(malformed());
          break;
        default:
          break;
      }
    }
    if (reader.failed()) fail(malformed());
    drop_overwritten(input.parameters);
  }

  void output(base::Bytes message, WireOutput& output) {
    ProtoReader reader(message);
    while (reader.next() && good_) {
      if (reader.key() == field_key(1, Wire::kBytes)) output.name = reader.text();
      if (reader.key() == field_key(2, Wire::kBytes)) parameter(reader.bytes(), output.parameters);
    }
    if (reader.failed()) fail(malformed());
    drop_overwritten(output.parameters);
  }

  void parameter(base::Bytes entry, std::vector<WireParameter>& parameters) {
    if (++parameters_ > limits_.max_parameters) {
      return fail(too_many(limits_.max_parameters, "parameters"));
    }
    if (!parse_parameter(entry, parameters)) fail(malformed());
  }

  void dimension(std::int64_t value, std::vector<std::int64_t>& shape) {
    if (shape.size() == limits_.max_rank) {
      return fail(too_many(limits_.max_rank, "dimensions in a shape"));
    }
    shape.push_back(value);
  }

  void dimensions(base::Bytes packed, std::vector<std::int64_t>& shape) {
    codec::PackedVarints values(packed);
    std::uint64_t value = 0;
    while (good_ && values.next(value)) dimension(static_cast<std::int64_t>(value), shape);
    if (values.failed()) fail(malformed());
  }

  template <typename T>
  bool room(const std::vector<T>& list, std::string_view what) {
    if (list.size() < limits_.max_tensors) return true;
    fail(too_many(limits_.max_tensors, what));
    return false;
  }

  void fail(base::Error error) {
    if (!good_) return;
    good_ = false;
    error_ = std::move(error);
  }

  const MessageLimits& limits_;
  std::size_t parameters_ = 0;
  bool good_ = true;
  base::Error error_;
};

}  // namespace

base::Result<InferMessage> parse_infer_message(base::Bytes message, const MessageLimits& limits) {
  return Parser(limits).run(message);
}

// The head ends anywhere, as a rule inside the tensor that is looked for. What is needed of it is
// its tag and length, so fields are stepped over by hand and not with a ProtoReader.
std::size_t first_raw_offset(base::Bytes head) {
  std::size_t at = 0;
  const auto varint = [&](std::uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; at < head.size() && shift < 64; shift += 7) {
      const auto byte = std::to_integer<std::uint64_t>(head[at++]);
      value |= (byte & 0x7F) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  };
  std::uint64_t tag = 0;
  std::uint64_t length = 0;
  while (varint(tag)) {
    if ((tag & 7) != static_cast<std::uint64_t>(Wire::kBytes) || !varint(length)) return 0;
    if (tag == kRawContents) return at;
    if (length > head.size() - at) return 0;
    at += length;
  }
  return 0;
}

}  // namespace tfe::kserve_grpc
