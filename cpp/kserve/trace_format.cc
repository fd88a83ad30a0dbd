#include "kserve/trace_format.h"

#include <array>
#include <charconv>
#include <cstring>

#include "kserve/trace_tensor.h"

namespace tfe::kserve {

namespace {

constexpr std::string_view kSeparator = ",\n";
constexpr std::string_view kHex = "0123456789abcdef";

template <typename Integer>
void append_integer(std::string& out, Integer value) {
  std::array<char, 24> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  out.append(text.data(), end);
}

void append_escape(std::string& out, unsigned char byte) {
  out += "\\u00";
  out += kHex[byte >> 4U];
  out += kHex[byte & 0xfU];
}

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U; }

// Length of the UTF-8 sequence of more than one byte at the start of the text (RFC 3629 section 4);
// 0 if there is none.
std::size_t sequence_length(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if (!is_continuation(text[i])) return 0;
  }
  const auto second = static_cast<unsigned char>(text[1]);
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool no_scalar = (first == 0xed && second > 0x9f) || (first == 0xf4 && second > 0x8f);
  return overlong || no_scalar ? 0 : length;
}

class Writer {
 public:
  Writer(std::string& out, const FinishedTrace& trace) : out_(out), trace_(trace) {}

  void operator()(const TracedModel& model) {
    begin(model.id);
    out_ += ",\"model_name\":";
    append_json_text(out_, model.name);
    out_ += ",\"model_version\":";
    append_integer(out_, model.version);
    out_ += ",\"request_id\":";
    append_json_text(out_, model.request_id);
    if (model.parent_id != 0) {
      out_ += ",\"parent_id\":";
      append_integer(out_, model.parent_id);
    } else {
      context();
    }
    out_ += '}';
  }

  void operator()(const TracedTime& time) {
    begin(time.id);
    out_ += ",\"timestamps\":[{\"name\":";
    append_json_text(out_, time.name);
    out_ += ",\"ns\":";
    append_integer(out_, time.ns);
    out_ += "}]}";
  }

  void operator()(const TracedContents& tensor) {
    begin(tensor.id);
    out_ += ",\"activity\":";
    append_json_text(out_, tensor.activity);
    out_ += ",\"tensor\":{\"name\":";
    append_json_text(out_, tensor.name);
    out_ += ",\"data\":\"";
    append_tensor_text(out_, tensor.datatype, tensor.data);
    out_ += "\",\"shape\":\"";
    for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
      if (i > 0) out_ += ',';
      append_integer(out_, tensor.shape[i]);
    }
    out_ += "\",\"dtype\":";
    append_json_text(out_, triton::datatype_name(tensor.datatype));
    out_ += "}}";
  }

 private:
  void begin(std::uint64_t id) {
    out_ += "{\"id\":";
    append_integer(out_, id);
  }

  void context() {
    if (trace_.context.traceparent.empty()) return;
    out_ += ",\"traceparent\":";
    append_json_text(out_, trace_.context.traceparent);
    if (trace_.context.tracestate.empty()) return;
    out_ += ",\"tracestate\":";
    append_json_text(out_, trace_.context.tracestate);
  }

  std::string& out_;
  const FinishedTrace& trace_;
};

}  // namespace

void append_trace(std::string& out, const FinishedTrace& trace) {
  bool first = true;
  for (const TraceEntry& entry : trace.entries) {
    if (!first) out += kSeparator;
    first = false;
    std::visit(Writer(out, trace), entry);
  }
}

void append_json_characters(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const auto byte = static_cast<unsigned char>(text.front());
    std::size_t length = 1;
    if (byte == '"' || byte == '\\') {
      out += '\\';
      out += text.front();
    } else if (byte >= 0x20 && byte < 0x7f) {
      out += text.front();
    } else if (byte < 0x80 || (length = sequence_length(text)) == 0) {
      length = 1;
      append_escape(out, byte);
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
}

void append_json_text(std::string& out, std::string_view text) {
  out += '"';
  append_json_characters(out, text);
  out += '"';
}

}  // namespace tfe::kserve
