// TLS through a whole server: both protocols, slow and rude clients, and renewal under traffic.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <thread>

#include "net/certificates.h"
#include "net/test_socket.h"
#include "net/tls_client.h"
#include "server/http_server.h"
#include "server/protocol_chooser.h"

namespace tfe::server {
namespace {

using namespace std::chrono_literals;
using test::Client;
using test::eventually;
using test::TlsClient;

// Answers with what the request says of its connection, or with `size` bytes for /<size>, or hands
// over /away.
class Reporter final : public http::Handler {
 public:
  std::shared_ptr<http::RequestSink> on_request(const http::RequestHead& head,
                                                http::Exchange& exchange) override {
    struct Sink final : http::RequestSink {
      explicit Sink(http::Exchange& to, std::string text) : exchange(to), answer(std::move(text)) {}
      void on_body(base::Bytes piece) override { size += piece.size(); }
      void on_end() override {
        if (size > 0) answer = std::to_string(size);
        exchange.respond({}, base::Chain::of(std::move(answer)));
      }
      void on_abort() override {}
      http::Exchange& exchange;
      std::string answer;
      std::size_t size = 0;
    };
    if (head.target == "/away" && exchange.hand_over()) return std::make_shared<Sink>(exchange, "");
    const int size = std::atoi(std::string(head.target.substr(1)).c_str());
    if (size > 0) return std::make_shared<Sink>(exchange, std::string(size_t(size), 'x'));
    return std::make_shared<Sink>(
        exchange, std::string(head.scheme) + " " + std::string(head.peer.substr(0, 10)) + "\n");
  }
};

class TlsServerTest : public testing::Test {
 protected:
  TlsServerTest() {
    options.listen.address = "127.0.0.1";
    tls.certificate_chain = files.path("server.pem");
    tls.private_key = files.path("server.key");
    tls.alpn = {"h2", "http/1.1"};
    client_options.ca_file = files.path("ca.pem");
  }
  ~TlsServerTest() override {
    if (server) server->stop();
  }
  void start() {
    auto context = net::TlsContext::create(tls, [this](const base::Error&) { ++reload_errors; });
    ASSERT_TRUE(context.has_value()) << context.error().message;
    options.tls = *context;
    server.emplace(options, make_protocol_factory(handler, protocols));
    const auto started = server->start();
    ASSERT_TRUE(started.has_value()) << started.error().message;
  }
  std::string get(TlsClient& client, std::string_view target, std::string_view extra = "") {
    EXPECT_TRUE(client.send("GET " + std::string(target) + " HTTP/1.1\r\nHost: x\r\n" +
                            std::string(extra) + "\r\n"));
    return extra.empty() ? client.read_until('\n') : client.rest();
  }
  // The name in the certificate that a new client gets; empty if it is not served.
  std::string served_name() {
    Client socket(server->port());
    TlsClient client(socket.fd(), client_options);
    if (!client.connect()) return "";
    const std::string answer = get(client, "/", "Connection: close\r\n");
    return answer.starts_with("HTTP/1.1 200") ? client.server_name() : "";
  }

  test::CertificateFiles files;
  Reporter handler;
  ServerOptions options;
  ProtocolOptions protocols;
  net::TlsOptions tls;
  test::TlsClientOptions client_options;
  std::atomic<int> reload_errors = 0;
  std::optional<HttpServer> server;
};

TEST_F(TlsServerTest, ServesHttp1) {
  start();
  Client socket(server->port());
  TlsClient client(socket.fd(), client_options);
  ASSERT_TRUE(client.connect());
  const std::string answer = get(client, "/", "Connection: close\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
  EXPECT_TRUE(answer.ends_with("https 127.0.0.1:\n")) << answer;
  EXPECT_TRUE(client.clean_end()) << "without a close_notify";
}

// What TLS has agreed on cannot be passed to another process.
TEST_F(TlsServerTest, KeepsWhatAnotherServerWouldTakeInClearText) {
  const base::UniqueFd table(::memfd_create("table", MFD_CLOEXEC));
  ASSERT_EQ(::ftruncate(table.get(), 3 * BeatPage::kSize), 0);
  constexpr std::size_t kServingAt = 2 * BeatPage::kSize;
  ASSERT_EQ(::pwrite(table.get(), "\1", 1, kServingAt), 1);
  std::array<int, 2> inbox{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, inbox.data()), 0);
  const base::UniqueFd sender(inbox[0]);
  const base::UniqueFd receiver(inbox[1]);
  options.beats.fd = table.get();
  options.handoff.peers = {{{BeatPage::kSize, BeatPage::kSize}, kServingAt, sender.get()}};
  start();
  Client socket(server->port());
  TlsClient client(socket.fd(), client_options);
  ASSERT_TRUE(client.connect());
  const std::string answer = get(client, "/away", "Connection: close\r\n");
  EXPECT_TRUE(answer.ends_with("https 127.0.0.1:\n")) << answer;
  EXPECT_EQ(server->statistics().handed_over_total, 0U);
}

TEST_F(TlsServerTest, ServesHttp2ByAgreement) {
  client_options.alpn = "\x02h2";
  start();
  Client socket(server->port());
  TlsClient client(socket.fd(), client_options);
  ASSERT_TRUE(client.connect());
  EXPECT_EQ(client.alpn(), "h2");
  ASSERT_TRUE(client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string(3, '\0') + '\x04' +
                          std::string(5, '\0')));
  const std::string frame = client.read_some(9);
  ASSERT_GE(frame.size(), 4U);
  EXPECT_EQ(frame[3], 4) << "a server's first frame is SETTINGS";
}

TEST_F(TlsServerTest, CarriesLargeBodiesBothWays) {
  protocols.http1.limits.max_body_bytes = 64U << 20;
  start();
  Client socket(server->port());
  TlsClient client(socket.fd(), client_options);
  ASSERT_TRUE(client.connect());
  ASSERT_TRUE(client.send("POST / HTTP/1.1\r\nContent-Length: 8000000\r\n\r\n"));
  const std::string piece(80'000, 'b');
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(client.send(piece));
  while (client.read_until('\n') != "\r\n") {
  }
  EXPECT_EQ(client.read_some(7), "8000000");
  const std::string answer = get(client, "/8000000", "Connection: close\r\n");
  EXPECT_EQ(answer.size() - answer.find("\r\n\r\n") - 4, 8'000'000U);
}

TEST_F(TlsServerTest, AnswersPipelinedRequestsOfOneRecord) {
  start();
  Client socket(server->port());
  TlsClient client(socket.fd(), client_options);
  ASSERT_TRUE(client.connect());
  std::string requests;
  for (int i = 0; i < 300; ++i) requests += "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  requests += "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  ASSERT_TRUE(client.send(requests));
  const std::string text = client.rest();
  std::size_t answers = 0;
  for (std::size_t at = text.find("HTTP/1.1 200"); at != text.npos; ++answers) {
    at = text.find("HTTP/1.1 200", at + 1);
  }
  EXPECT_EQ(answers, 301U);
}

TEST_F(TlsServerTest, TellsAClientThatSpeaksClearText) {
  start();
  for (const std::string_view request : {"GET / HTTP/1.1\r\n\r\n", "OPTIONS * HTTP/1.1\r\n\r\n",
                                         "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"}) {
    Client client(server->port());
    ASSERT_TRUE(client.send(request));
    client.finish_sending();
    const std::string answer = client.rest();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 Bad Request\r\n")) << answer;
    EXPECT_NE(answer.find("this port speaks TLS"), std::string::npos) << answer;
  }
  EXPECT_EQ(server->statistics().handshake_failures_total, 3U);
}

TEST_F(TlsServerTest, ClosesOnBytesThatAreNothing) {
  start();
  Client client(server->port());
  ASSERT_TRUE(client.send(std::string(100, '\1')));
  client.rest();
  EXPECT_TRUE(eventually([&] { return server->statistics().connections == 0; }));
  EXPECT_EQ(server->statistics().handshake_failures_total, 1U);
}

TEST_F(TlsServerTest, EndsAHandshakeThatTakesTooLong) {
  options.limits.handshake_timeout = 1ms;
  start();
  Client silent(server->port());
  EXPECT_EQ(silent.rest(), "");
  Client half(server->port());
  half.send("\x16\x03\x01\x02");
  EXPECT_EQ(half.rest(), "");
  EXPECT_TRUE(eventually([&] { return server->statistics().handshake_failures_total == 2; }));
}

TEST_F(TlsServerTest, DrainDoesNotWaitForHandshakes) {
  start();
  Client silent(server->port());
  ASSERT_TRUE(eventually([&] { return server->statistics().connections == 1; }));
  EXPECT_TRUE(server->drain(test::kPatience));
  EXPECT_EQ(silent.rest(), "");
  EXPECT_EQ(server->statistics().handshake_failures_total, 0U);
}

TEST_F(TlsServerTest, DrainSaysGoodbyeToIdleClients) {
  start();
  Client socket(server->port());
  TlsClient client(socket.fd(), client_options);
  ASSERT_TRUE(client.connect());
  ASSERT_TRUE(client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  while (!client.read_until('\n').starts_with("https")) {
  }
  EXPECT_TRUE(server->drain(test::kPatience));
  EXPECT_EQ(client.rest(), "");
  EXPECT_TRUE(client.clean_end());
}

TEST_F(TlsServerTest, NeedsACertificateOfItsClients) {
  tls.client_ca = files.path("ca.pem");
  tls.require_client_certificate = true;
  start();
  EXPECT_EQ(served_name(), "");
  files.issue("client");
  client_options.certificate = files.path("client.pem");
  client_options.key = files.path("client.key");
  EXPECT_EQ(served_name(), "server");
}

TEST_F(TlsServerTest, ResumesSessionsOfClientsWithCertificates) {
  tls.client_ca = files.path("ca.pem");
  tls.require_client_certificate = true;
  files.issue("client");
  client_options.certificate = files.path("client.pem");
  client_options.key = files.path("client.key");
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    client_options.minimum = client_options.maximum = version;
    if (server) server->stop();
    start();
    Client socket(server->port());
    TlsClient first(socket.fd(), client_options);
    ASSERT_TRUE(first.connect());
    EXPECT_TRUE(get(first, "/", "Connection: close\r\n").starts_with("HTTP/1.1 200"));
    const std::unique_ptr<SSL_SESSION, decltype(&SSL_SESSION_free)> session(
        SSL_get1_session(first.get()), SSL_SESSION_free);
    Client again(server->port());
    TlsClient second(again.fd(), client_options);
    second.resume(session.get());
    ASSERT_TRUE(second.connect());
    EXPECT_TRUE(second.resumed());
    EXPECT_TRUE(get(second, "/", "Connection: close\r\n").starts_with("HTTP/1.1 200"));
  }
}

TEST_F(TlsServerTest, TakesRenewedCertificatesUnderTraffic) {
  start();
  EXPECT_EQ(served_name(), "server");
  Client old_socket(server->port());
  TlsClient old_client(old_socket.fd(), client_options);
  ASSERT_TRUE(old_client.connect());

  // Renewed as such tools do: the pair becomes visible file by file, and for a while does not
  // match.
  files.issue("renewed");
  std::filesystem::rename(files.path("renewed.pem"), files.path("server.pem"));
  EXPECT_TRUE(eventually([&] {
    EXPECT_EQ(served_name(), "server") << "no client may notice";
    return reload_errors == 1;
  }));
  std::filesystem::rename(files.path("renewed.key"), files.path("server.key"));
  EXPECT_TRUE(eventually([&] {
    const std::string name = served_name();
    EXPECT_NE(name, "");
    return name == "renewed";
  }));
  EXPECT_EQ(reload_errors, 1) << "told once";
  EXPECT_TRUE(get(old_client, "/", "Connection: close\r\n").starts_with("HTTP/1.1 200"));
}

TEST_F(TlsServerTest, KeepsItsCertificateWhenTheNewOneIsBroken) {
  start();
  EXPECT_EQ(served_name(), "server");
  files.write_text("server.pem", "broken");
  EXPECT_TRUE(eventually([&] {
    EXPECT_EQ(served_name(), "server");
    return reload_errors == 1;
  }));
  EXPECT_FALSE(options.tls->reload().has_value());
  EXPECT_EQ(served_name(), "server");
}

TEST_F(TlsServerTest, RefusesAboveTheCapOverTlsToo) {
  options.max_connections = 1;
  start();
  Client first_socket(server->port());
  TlsClient first(first_socket.fd(), client_options);
  ASSERT_TRUE(first.connect());
  Client socket(server->port());
  TlsClient client(socket.fd(), client_options);
  ASSERT_TRUE(client.connect());
  const std::string answer = get(client, "/", "Connection: close\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 429 ")) << answer;
}

}  // namespace
}  // namespace tfe::server
