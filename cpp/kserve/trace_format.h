// A finished trace as text: entries of the JSON array that a trace file is, as Triton's trace
// extension defines them. Each has the "id" of the request it is about and one of
//   "model_name", "model_version", "request_id", and "parent_id" for a request made by another one;
//   "timestamps": [{"name", "ns"}], steady clock;
//   "activity" and "tensor": {"name", "data", "shape", "dtype"}, all strings.
// Ours also have "traceparent" and "tracestate" beside "model_name" when the client sent them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "kserve/trace_context.h"
#include "triton/types.h"

namespace tfe::kserve {

struct TracedModel {
  std::uint64_t id = 0;
  std::uint64_t parent_id = 0;
  std::string name;
  std::int64_t version = 0;
  std::string request_id;
};

struct TracedTime {
  std::uint64_t id = 0;
  std::string name;
  std::uint64_t ns = 0;
};

struct TracedContents {
  std::uint64_t id = 0;
  std::string_view activity;  // a literal
  std::string name;
  triton::DataType datatype = triton::DataType::kInvalid;
  triton::Shape shape;
  std::string data;  // bytes as in the tensor
};

using TraceEntry = std::variant<TracedModel, TracedTime, TracedContents>;

struct FinishedTrace {
  TraceContext context;
  std::vector<TraceEntry> entries;  // in the order in which they were seen
};

// The entries, separated by ",\n"; nothing for a trace without any.
void append_trace(std::string& out, const FinishedTrace& trace);

// A JSON string without and with its quotes. Bytes that are not UTF-8 become the characters of
// their values (U+0080 to U+00FF), because a trace file must be JSON whatever the tensors hold.
void append_json_characters(std::string& out, std::string_view text);
void append_json_text(std::string& out, std::string_view text);

}  // namespace tfe::kserve
