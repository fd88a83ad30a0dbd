#include "grpc/reflection.h"

#include <string>
#include <string_view>
#include <utility>

#include "codec/proto_reader.h"
#include "codec/proto_writer.h"

namespace tfe::grpc {
namespace {

using codec::field_key;
using codec::ProtoReader;
using codec::ProtoWriter;
using codec::Wire;
constexpr auto kAlways = ProtoWriter::Presence::kAlways;

// Bytes of answers from which on no further question is read.
constexpr std::size_t kMaxUnsent = 1U << 20;

// ServerReflectionRequest. The last member of the oneof message_request counts.
struct Question {
  std::uint32_t field = 0;  // 0: none
  std::string_view text;    // of field 5: the type that is extended
  std::string_view host;
};

std::string_view extended_type(base::Bytes message, bool& good) {
  std::string_view type;
  ProtoReader reader(message);
  while (reader.next()) {
    if (reader.key() == field_key(1, Wire::kBytes)) type = reader.text();
  }
  good = good && !reader.failed();
  return type;
}

std::optional<Question> parse(base::Bytes message) {
  Question question;
  bool good = true;
  ProtoReader reader(message);
  while (reader.next()) {
    if (reader.wire() != Wire::kBytes) continue;
    switch (reader.number()) {
      case 1:
        question.host = reader.text();
        break;
      case 3:
      case 4:
      case 6:
      case 7:
        question.field = reader.number();
        question.text = reader.text();
        break;
      case 5:
        question.field = 5;
        question.text = extended_type(reader.bytes(), good);
        break;
      default:
        break;
    }
  }
  if (reader.failed() || !good) return std::nullopt;
  return question;
}

// The member of the oneof message_response.
void add_error(ProtoWriter& writer, Code code, std::string_view text) {
  std::string error;
  ProtoWriter(error).varint(1, static_cast<std::uint64_t>(code));
  ProtoWriter(error).bytes(2, text);
  writer.bytes(7, error, kAlways);
}

void add_not_found(ProtoWriter& writer, std::string_view what, std::string_view name) {
  add_error(writer, Code::kNotFound, std::string(what) + " not found: " + std::string(name));
}

void add_files(ProtoWriter& writer, const std::vector<std::string_view>& files) {
  std::string response;
  for (const std::string_view file : files) ProtoWriter(response).bytes(1, file, kAlways);
  writer.bytes(4, response, kAlways);
}

void add_services(ProtoWriter& writer, const Descriptors& descriptors) {
  std::string response;
  for (const std::string& name : descriptors.services()) {
    std::string service;
    ProtoWriter(service).bytes(1, name);
    ProtoWriter(response).bytes(1, service, kAlways);
  }
  writer.bytes(6, response, kAlways);
}

// No file here extends anything, so a message that exists has no extension.
void add_extension_numbers(ProtoWriter& writer, std::string_view type) {
  std::string response;
  ProtoWriter(response).bytes(1, type);
  writer.bytes(5, response, kAlways);
}

void answer(const Question& question, const Descriptors& descriptors, ProtoWriter& writer) {
  switch (question.field) {
    case 3: {
      const auto file = descriptors.file(question.text);
      if (!file) return add_not_found(writer, "File", question.text);
      return add_files(writer, descriptors.with_imports(*file));
    }
    case 4: {
      const auto file = descriptors.file_of(question.text);
      if (!file) return add_not_found(writer, "Symbol", question.text);
      return add_files(writer, descriptors.with_imports(*file));
    }
    case 5:
      return add_not_found(writer, "Extension", "of " + std::string(question.text));
    case 6:
      if (!descriptors.is_message(question.text)) {
        return add_not_found(writer, "Type", question.text);
      }
      return add_extension_numbers(writer, question.text);
    case 7:
      return add_services(writer, descriptors);
    default:
      return add_error(writer, Code::kInvalidArgument,
                       "message_request is not set, expected one of file_by_filename, "
                       "file_containing_symbol, file_containing_extension, "
                       "all_extension_numbers_of_type, list_services");
  }
}

class ReflectionHandler final : public CallHandler {
 public:
  ReflectionHandler(std::shared_ptr<Call> call, std::shared_ptr<const Descriptors> descriptors)
      : call_(std::move(call)), descriptors_(std::move(descriptors)) {}

  void on_message(Message message) override {
    const auto question = parse(message.bytes);
    if (!question) return call_->finish({Code::kInternal, "Unable to parse request"});
    std::string response;
    ProtoWriter writer(response);
    writer.bytes(1, question->host);
    writer.bytes(2, base::as_text(message.bytes), kAlways);
    answer(*question, *descriptors_, writer);
    call_->send(base::Chain::of(std::move(response)));
    regulate();
  }
  void on_half_close() override { call_->finish({}); }
  void on_cancel() override {}
  void on_writable() override { regulate(); }
  void on_drain() override { call_->finish({Code::kUnavailable, "the server is shutting down"}); }

 private:
  void regulate() {
    const bool crowded = call_->unsent() > kMaxUnsent;
    if (std::exchange(paused_, crowded) == crowded) return;
    if (crowded) {
      call_->pause();
    } else {
      call_->resume();
    }
  }

  const std::shared_ptr<Call> call_;
  const std::shared_ptr<const Descriptors> descriptors_;
  bool paused_ = false;
};

}  // namespace

void add_reflection(Router& router, std::shared_ptr<const Descriptors> descriptors) {
  for (const char* path : {"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
                           "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"}) {
    router.add(path, [descriptors](const std::shared_ptr<Call>& call, const Metadata&) {
      return std::make_shared<ReflectionHandler>(call, descriptors);
    });
  }
}

}  // namespace tfe::grpc
