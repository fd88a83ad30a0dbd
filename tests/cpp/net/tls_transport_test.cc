// TLS over a socket pair, against OpenSSL as the client, with everything that edge-triggered
// polling depends on.
#include "net/tls_transport.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "net/certificates.h"
#include "net/test_socket.h"
#include "net/tls_client.h"

namespace tfe::net {
namespace {

using test::eventually;

class TlsTransportTest : public testing::Test {
 protected:
  TlsTransportTest() {
    options.certificate_chain = files.path("server.pem");
    options.private_key = files.path("server.key");
    client_options.ca_file = files.path("ca.pem");
  }
  void make() {
    int pair[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    ::fcntl(pair[0], F_SETFL, O_NONBLOCK);
    peer.reset(pair[1]);
    auto context = TlsContext::create(options, {});
    ASSERT_TRUE(context.has_value()) << context.error().message;
    const SocketAddress address = SocketAddress::of_local_end(pair[0]);
    auto made = (*context)->accept(base::UniqueFd(pair[0]), address);
    ASSERT_TRUE(made.has_value());
    transport = std::move(*made);
    client.emplace(peer.get(), client_options);
  }
  // Both ends; what each said of it.
  struct Hands {
    HandshakeState server;
    bool client;
  };
  Hands shake() {
    auto other = std::async(std::launch::async, [this] { return client->connect(); });
    HandshakeState state = HandshakeState::kWantsRead;
    EXPECT_TRUE(eventually([&] {
      state = transport->handshake();
      return state == HandshakeState::kDone || state == HandshakeState::kFailed;
    }));
    if (state == HandshakeState::kFailed) transport.reset();
    return {state, other.get()};
  }
  void connect() {
    make();
    const Hands hands = shake();
    ASSERT_EQ(hands.server, HandshakeState::kDone);
    ASSERT_TRUE(hands.client);
  }
  // Reads as an edge-triggered loop does: until there is nothing to gain.
  std::string read_all(std::size_t buffer_size) {
    std::string text;
    std::vector<std::byte> buffer(buffer_size);
    while (true) {
      const IoResult result = transport->read(buffer);
      last_read = result;
      if (result.state != IoState::kOk) return text;
      text += base::as_text(base::Bytes(buffer).first(result.count));
      if (result.exhausted) return text;
    }
  }

  test::CertificateFiles files;
  TlsOptions options;
  test::TlsClientOptions client_options;
  base::UniqueFd peer;
  std::unique_ptr<Transport> transport;
  std::optional<test::TlsClient> client;
  IoResult last_read;
};

TEST_F(TlsTransportTest, AgreesOnTls13AndAProtocol) {
  options.alpn = {"h2", "http/1.1"};
  client_options.alpn = "\x08http/1.1\x02h2";
  connect();
  EXPECT_EQ(client->version(), "TLSv1.3");
  EXPECT_EQ(client->alpn(), "h2") << "the server's preference counts";
  EXPECT_EQ(transport->alpn(), "h2");
  EXPECT_TRUE(transport->encrypted());
  EXPECT_FALSE(transport->spoke_clear_text());
}

TEST_F(TlsTransportTest, SpeaksTls12ToOlderClients) {
  client_options.maximum = TLS1_2_VERSION;
  connect();
  EXPECT_EQ(client->version(), "TLSv1.2");
  EXPECT_EQ(transport->alpn(), "");
  EXPECT_TRUE(client->send("hello"));
  EXPECT_EQ(read_all(100), "hello");
}

TEST_F(TlsTransportTest, RefusesOlderVersions) {
  client_options.minimum = TLS1_VERSION;
  client_options.maximum = TLS1_1_VERSION;
  make();
  EXPECT_EQ(shake().server, HandshakeState::kFailed);
}

TEST_F(TlsTransportTest, CanInsistOnTls13) {
  options.minimum_version = TlsOptions::Version::k13;
  client_options.maximum = TLS1_2_VERSION;
  make();
  const Hands hands = shake();
  EXPECT_EQ(hands.server, HandshakeState::kFailed);
  EXPECT_FALSE(hands.client);
}

TEST_F(TlsTransportTest, RefusesAClientWithoutACommonProtocol) {
  options.alpn = {"h2"};
  client_options.alpn = "\x08http/1.1";
  make();
  const Hands hands = shake();
  EXPECT_EQ(hands.server, HandshakeState::kFailed);
  EXPECT_FALSE(hands.client);
}

TEST_F(TlsTransportTest, ChecksClientCertificates) {
  options.client_ca = files.path("ca.pem");
  options.require_client_certificate = true;
  make();
  EXPECT_EQ(shake().server, HandshakeState::kFailed) << "no certificate";

  files.issue("client");
  client_options.certificate = files.path("client.pem");
  client_options.key = files.path("client.key");
  connect();

  test::CertificateFiles strangers;
  strangers.issue("client");
  client_options.certificate = strangers.path("client.pem");
  client_options.key = strangers.path("client.key");
  make();
  EXPECT_EQ(shake().server, HandshakeState::kFailed) << "signed by another CA";
}

TEST_F(TlsTransportTest, IsExhaustedOnlyWhenOpenSslIsEmptyToo) {
  connect();
  const std::string sent(16'000, 'x');  // one record
  ASSERT_TRUE(client->send(sent));
  std::array<std::byte, 100> buffer;
  const IoResult first = transport->read(buffer);
  EXPECT_EQ(first.count, buffer.size());
  EXPECT_FALSE(first.exhausted) << "the socket is empty, but the record is not";
  EXPECT_EQ(read_all(100).size() + buffer.size(), sent.size());
  EXPECT_EQ(transport->read(buffer).state, IoState::kBlocked);
}

TEST_F(TlsTransportTest, ForgetsWhatAnEarlierReadSaidOfTheSocket) {
  connect();
  ASSERT_TRUE(client->send("one"));
  ASSERT_TRUE(client->send("two"));
  std::array<std::byte, 100> buffer;
  const IoResult first = transport->read(buffer);  // takes both records from the socket
  EXPECT_EQ(first.count, 3U);
  EXPECT_FALSE(first.exhausted);
  // The edge for this one comes while nobody wants to read.
  ASSERT_TRUE(client->send("three"));
  EXPECT_EQ(read_all(100), "twothree");
}

// A client may send such records without end; whoever reads must be able to do something else.
TEST_F(TlsTransportTest, GivesUpItsTurnAfterRecordsWithoutContent) {
  connect();
  std::array<std::byte, 100> buffer;
  ASSERT_TRUE(client->update_key());
  const IoResult nothing = transport->read(buffer);
  EXPECT_EQ(nothing.state, IoState::kBlocked);
  EXPECT_FALSE(nothing.exhausted) << "there may be more";
  EXPECT_TRUE(transport->read(buffer).exhausted);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(client->update_key());
  ASSERT_TRUE(client->send("text"));
  IoResult result;
  while (result = transport->read(buffer), result.state == IoState::kBlocked) {
    ASSERT_FALSE(result.exhausted);
  }
  EXPECT_EQ(result.count, 4U);
}

TEST_F(TlsTransportTest, LosesNothingForAnyBufferSize) {
  connect();
  for (const std::size_t size : {1U, 7U, 4096U, 16384U, 100'000U}) {
    std::string expected;
    for (int i = 0; i < 10; ++i) {
      const std::string piece(static_cast<std::size_t>(i * 531 + 1), static_cast<char>('a' + i));
      ASSERT_TRUE(client->send(piece));
      expected += piece;
    }
    EXPECT_EQ(read_all(size), expected);
  }
}

TEST_F(TlsTransportTest, KeepsHalfARecordForTheNextEdge) {
  connect();
  // The client's bytes pass through a second pair, and are let go in two pieces.
  BIO* memory = BIO_new(BIO_s_mem());
  SSL_set0_wbio(client->get(), memory);
  ASSERT_TRUE(client->send("divided"));
  char* bytes = nullptr;
  const auto size = static_cast<std::size_t>(BIO_get_mem_data(memory, &bytes));
  ASSERT_EQ(::send(peer.get(), bytes, 9, 0), 9);
  EXPECT_EQ(read_all(100), "");
  EXPECT_EQ(last_read.state, IoState::kBlocked);
  ASSERT_GT(::send(peer.get(), bytes + 9, size - 9, 0), 0);
  EXPECT_EQ(read_all(100), "divided");
}

TEST_F(TlsTransportTest, SendsManySmallSegmentsInOneRecord) {
  connect();
  base::Chain chain;
  for (int i = 0; i < 100; ++i) chain.append("piece;");
  const IoResult result = transport->write(chain.segments());
  EXPECT_EQ(result.count, chain.size());
  EXPECT_FALSE(result.exhausted);
  EXPECT_EQ(client->read_some().size(), chain.size()) << "a read returns one record at most";
}

TEST_F(TlsTransportTest, ResumesAWriteFromMovingBuffers) {
  connect();
  std::string expected;
  base::Chain chain;
  const auto add = [&](std::size_t size, char letter) {
    expected.append(size, letter);
    chain.append(std::string(size, letter));
  };
  add(100, 'a');
  add(2'000'000, 'b');
  add(5, 'c');
  IoResult result = transport->write(chain.segments());
  ASSERT_EQ(result.state, IoState::kOk);
  EXPECT_TRUE(result.exhausted);
  chain.consume(result.count);
  // The same bytes at other addresses, with more behind them.
  base::Chain moved;
  moved.append(chain.to_string());
  add(300, 'd');
  moved.append(std::string(300, 'd'));
  auto reader = std::async(std::launch::async, [&] { return client->rest(); });
  while (!moved.empty()) {
    result = transport->write(moved.segments());
    ASSERT_NE(result.state, IoState::kFailed);
    moved.consume(result.count);
    if (result.state == IoState::kBlocked) std::this_thread::yield();
  }
  EXPECT_TRUE(transport->shutdown_write());
  EXPECT_EQ(reader.get(), expected);
  EXPECT_TRUE(client->clean_end());
}

TEST_F(TlsTransportTest, ReadsOnAfterItsGoodbye) {
  connect();
  EXPECT_TRUE(transport->shutdown_write());
  EXPECT_EQ(client->rest(), "");
  EXPECT_TRUE(client->clean_end());
  ASSERT_TRUE(client->send("late"));
  EXPECT_EQ(read_all(100), "late");
}

TEST_F(TlsTransportTest, SaysGoodbyeWhenItGoes) {
  connect();
  transport.reset();
  EXPECT_EQ(client->rest(), "");
  EXPECT_TRUE(client->clean_end());
}

TEST_F(TlsTransportTest, EndsWithAndWithoutAGoodbye) {
  connect();
  ASSERT_TRUE(client->send("x"));
  client->say_goodbye();
  EXPECT_EQ(read_all(100), "x");
  std::array<std::byte, 10> buffer;
  EXPECT_EQ(transport->read(buffer).state, IoState::kEof);

  connect();
  ASSERT_TRUE(client->send("x"));
  ::shutdown(peer.get(), SHUT_WR);
  EXPECT_EQ(read_all(100), "x");
  EXPECT_EQ(transport->read(buffer).state, IoState::kEof);
}

TEST_F(TlsTransportTest, FailsOnBytesThatAreNotTls) {
  connect();
  ASSERT_EQ(::send(peer.get(), "no record", 9, 0), 9);
  EXPECT_EQ(read_all(100), "");
  EXPECT_EQ(last_read.state, IoState::kFailed);
  const base::Chain chain = base::Chain::of("x");
  EXPECT_EQ(transport->write(chain.segments()).state, IoState::kFailed);
}

TEST_F(TlsTransportTest, ReportsALostPeerWithoutASignal) {
  connect();
  peer.reset();
  const base::Chain chain = base::Chain::of("x");
  EXPECT_EQ(transport->write(chain.segments()).state, IoState::kFailed);
}

TEST_F(TlsTransportTest, NoticesClearText) {
  make();
  ASSERT_EQ(::send(peer.get(), "G", 1, 0), 1);
  EXPECT_EQ(transport->handshake(), HandshakeState::kDone);
  EXPECT_TRUE(transport->spoke_clear_text());
  const base::Chain chain = base::Chain::of("plain");
  EXPECT_EQ(transport->write(chain.segments()).count, 5U);
  char text[10] = {};
  EXPECT_EQ(::recv(peer.get(), text, sizeof text, 0), 5);
  EXPECT_EQ(std::string(text), "plain");
}

TEST_F(TlsTransportTest, RefusesToRenegotiate) {
  client_options.maximum = TLS1_2_VERSION;
  connect();
  ASSERT_EQ(SSL_renegotiate(client->get()), 1);
  auto other = std::async(std::launch::async, [this] {
    const bool done = SSL_do_handshake(client->get()) == 1;
    return done;
  });
  std::array<std::byte, 10> buffer;
  EXPECT_TRUE(eventually([&] {
    return transport->read(buffer).state == IoState::kFailed ||
           other.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }));
  transport.reset();
  EXPECT_FALSE(other.get());
}

}  // namespace
}  // namespace tfe::net
