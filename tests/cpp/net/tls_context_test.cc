// What the files may be, and what happens when they change.
#include "net/tls_context.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "net/certificates.h"

namespace tfe::net {
namespace {

class TlsContextTest : public testing::Test {
 protected:
  TlsContextTest() {
    options.certificate_chain = files.path("server.pem");
    options.private_key = files.path("server.key");
  }
  base::Result<std::shared_ptr<TlsContext>> create() {
    return TlsContext::create(
        options, [this](const base::Error& error) { errors.push_back(error.message); });
  }
  // The error of create(), which must name `part`, and `file`.
  void expect_error(const std::string& part, const std::string& file, const std::string& why) {
    const auto made = create();
    ASSERT_FALSE(made.has_value());
    EXPECT_EQ(made.error().code, base::Code::kInvalidArgument);
    const std::string& text = made.error().message;
    EXPECT_TRUE(text.starts_with("TLS " + part + " '" + files.path(file) + "': ")) << text;
    EXPECT_NE(text.find(why), std::string::npos) << text;
  }

  test::CertificateFiles files;
  TlsOptions options;
  std::vector<std::string> errors;
};

TEST_F(TlsContextTest, NamesAFileThatIsMissing) {
  options.certificate_chain = files.path("none.pem");
  expect_error("certificate chain", "none.pem", "No such file");
  options.certificate_chain = files.path("server.pem");
  options.private_key = files.path("none.key");
  expect_error("private key", "none.key", "No such file");
}

TEST_F(TlsContextTest, NamesAFileWithOtherContent) {
  files.write_text("server.pem", "hello\n");
  expect_error("certificate chain", "server.pem", "not a usable certificate in PEM form (");
  files.issue("server");
  files.write_text("server.key", "");
  expect_error("private key", "server.key", "not an unencrypted private key in PEM form (");
  options.private_key = files.path("");
  expect_error("private key", "", "not a regular file");
}

TEST_F(TlsContextTest, RefusesTheKeyOfAnotherCertificate) {
  files.issue("other");
  options.private_key = files.path("other.key");
  expect_error("private key", "other.key", "does not belong to the certificate");
}

TEST_F(TlsContextTest, NeverAsksForAPassword) {
  const auto identity = test::make_identity("secret", &files.ca);
  files.write_certificate("server.pem", identity);
  files.write_key("server.key", identity, "password");
  expect_error("private key", "server.key", "not an unencrypted private key");
}

TEST_F(TlsContextTest, NeedsACaForClientCertificates) {
  options.require_client_certificate = true;
  const auto made = create();
  ASSERT_FALSE(made.has_value());
  EXPECT_TRUE(made.error().message.starts_with("TLS client CA: ")) << made.error().message;
  options.client_ca = files.path("ca.missing");
  expect_error("client CA", "ca.missing", "No such file");
  options.client_ca = files.path("server.key");
  expect_error("client CA", "server.key", "no usable certificates");
  options.client_ca = files.path("ca.pem");
  EXPECT_TRUE(create().has_value());
}

TEST_F(TlsContextTest, ChecksTheNamesOfProtocols) {
  options.alpn = {"h2", std::string(256, 'x')};
  EXPECT_FALSE(create().has_value());
  options.alpn = {"h2", "http/1.1"};
  EXPECT_TRUE(create().has_value());
}

TEST_F(TlsContextTest, ReloadTakesValidFilesOnly) {
  const auto context = *create();
  EXPECT_EQ(context->reloads(), 0U);
  files.issue("server");
  EXPECT_TRUE(context->reload().has_value());
  EXPECT_EQ(context->reloads(), 1U);
  files.write_text("server.pem", "broken");
  const auto broken = context->reload();
  ASSERT_FALSE(broken.has_value());
  EXPECT_NE(broken.error().message.find("server.pem"), std::string::npos);
  EXPECT_EQ(context->reloads(), 1U);
  EXPECT_TRUE(errors.empty()) << "the caller of reload() was told";
}

}  // namespace
}  // namespace tfe::net
