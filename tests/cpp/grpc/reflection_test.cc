// Server reflection on a router, with two small files: b.proto imports a.proto.
#include "grpc/reflection.h"

#include "codec/proto_reader.h"
#include "codec/proto_writer.h"
#include "grpc/service_rig.h"

namespace tfe::grpc {
namespace {

using codec::ProtoWriter;

std::string field(std::uint32_t number, std::string_view value) {
  std::string out;
  ProtoWriter(out).bytes(number, value, ProtoWriter::Presence::kAlways);
  return out;
}

std::string named(std::uint32_t number, std::string_view name, const std::string& more = {}) {
  return field(number, field(1, name) + more);
}

// message M { message N {} enum E { X } oneof o { f } }
const std::string kA =
    field(1, "a.proto") + field(2, "p") +
    named(4, "M", named(2, "f") + named(3, "N") + named(4, "E", named(2, "X")) + named(8, "o"));
// enum F { Y }, service S { C }
const std::string kB = field(1, "b.proto") + field(2, "p.q") + field(3, "a.proto") +
                       named(5, "F", named(2, "Y")) + named(6, "S", named(2, "C"));

std::shared_ptr<const Descriptors> both() {
  static const std::string_view files[] = {kA, kB};
  return std::make_shared<const Descriptors>(Descriptors::index(files).value());
}

class GrpcReflection : public testing::ServiceRig {
 protected:
  GrpcReflection() {
    add_reflection(router, both());
    open("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo");
  }

  // The member of the oneof message_response.
  std::string ask(const std::string& request) {
    send(request);
    const auto messages = take();
    EXPECT_EQ(messages.size(), 1u);
    if (messages.empty()) return {};
    const std::string beginning = field(2, request);
    const std::size_t at = messages[0].find(beginning);
    EXPECT_NE(at, std::string::npos);
    return messages[0].substr(at + beginning.size());
  }
  static std::string files(std::initializer_list<std::string> bytes) {
    std::string response;
    for (const std::string& file : bytes) response += field(1, file);
    return field(4, response);
  }
  static std::string not_found(const std::string& text) {
    return field(7, "\x08\x05" + field(2, text));
  }
};

TEST_F(GrpcReflection, ListsServices) {
  EXPECT_EQ(ask(field(7, "")), field(6, field(1, field(1, "p.q.S"))));
}

TEST_F(GrpcReflection, GivesFilesWithTheirImports) {
  EXPECT_EQ(ask(field(3, "a.proto")), files({kA}));
  EXPECT_EQ(ask(field(3, "b.proto")), files({kB, kA}));
  EXPECT_EQ(ask(field(3, "c.proto")), not_found("File not found: c.proto"));
}

TEST_F(GrpcReflection, FindsTheFileOfEverySymbol) {
  for (const char* symbol : {"p.M", "p.M.f", "p.M.N", "p.M.E", "p.M.X", "p.M.o"}) {
    EXPECT_EQ(ask(field(4, symbol)), files({kA})) << symbol;
  }
  for (const char* symbol : {"p.q.F", "p.q.Y", "p.q.S", "p.q.S.C"}) {
    EXPECT_EQ(ask(field(4, symbol)), files({kB, kA})) << symbol;
  }
  EXPECT_EQ(ask(field(4, "p")), not_found("Symbol not found: p"));
  EXPECT_EQ(ask(field(4, ".p.M")), not_found("Symbol not found: .p.M"));
}

TEST_F(GrpcReflection, KnowsNoExtensions) {
  EXPECT_EQ(ask(field(5, field(1, "p.M") + "\x10\x01")), not_found("Extension not found: of p.M"));
  EXPECT_EQ(ask(field(6, "p.M")), field(5, field(1, "p.M")));
  EXPECT_EQ(ask(field(6, "p.q.S")), not_found("Type not found: p.q.S"));
}

TEST_F(GrpcReflection, AsksForAQuestionAndGoesOn) {
  const std::string answer = ask(field(1, "host"));
  EXPECT_TRUE(answer.starts_with(std::string(1, '\x3A'))) << answer;
  EXPECT_NE(answer.find("message_request is not set"), std::string::npos);
  EXPECT_EQ(exchange.finishes, 0);
  EXPECT_EQ(ask(field(3, "a.proto")), files({kA}));
}

TEST_F(GrpcReflection, AnswersTheLastOfSeveralQuestions) {
  EXPECT_EQ(ask(field(3, "a.proto") + field(4, "nope")), not_found("Symbol not found: nope"));
}

TEST_F(GrpcReflection, RepeatsTheHost) {
  send(field(1, "h") + field(3, "a.proto"));
  EXPECT_TRUE(take().at(0).starts_with(field(1, "h")));
}

TEST_F(GrpcReflection, EndsWithItsClientWithTheServerAndWithNonsense) {
  sink->on_end();
  EXPECT_EQ(status(), "0");
  open("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo");
  sink->on_drain();
  EXPECT_EQ(status(), "14");
  open("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo");
  send("\xFF");
  EXPECT_EQ(status(), "13");
}

TEST_F(GrpcReflection, DoesNotHearAClientThatDoesNotRead) {
  exchange.waiting = 2U << 20;
  send(field(3, "a.proto"));
  EXPECT_EQ(exchange.pauses, 1);
  exchange.waiting = 0;
  sink->on_writable();
  exchange.fake_strand().run();
  EXPECT_EQ(exchange.pauses, 0);
}

TEST(GrpcDescriptors, RefusesFilesThatCannotBeUsed) {
  static const std::string_view alone[] = {kB};
  EXPECT_EQ(Descriptors::index(alone).error().message,
            "no file descriptor for the import 'a.proto'");
  static const std::string_view broken[] = {"\xFF"};
  EXPECT_FALSE(Descriptors::index(broken));
}

}  // namespace
}  // namespace tfe::grpc
