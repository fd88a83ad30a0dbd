// A blocking TLS client for tests, over a socket that the test connected. Checks the server's
// certificate against the CA it is given.
#pragma once

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>

#include "net/certificates.h"

namespace tfe::test {

struct TlsClientOptions {
  std::string ca_file;
  std::string certificate = {};  // of the client; empty: none
  std::string key = {};
  std::string alpn = {};  // in the form of the wire
  int minimum = TLS1_2_VERSION;
  int maximum = TLS1_3_VERSION;
};

class TlsClient {
 public:
  TlsClient(int fd, const TlsClientOptions& options)
      : context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free), ssl_(nullptr, SSL_free) {
    SSL_CTX_set_min_proto_version(context_.get(), options.minimum);
    SSL_CTX_set_max_proto_version(context_.get(), options.maximum);
    SSL_CTX_set_cipher_list(context_.get(), "ALL:@SECLEVEL=0");
    SSL_CTX_load_verify_locations(context_.get(), options.ca_file.c_str(), nullptr);
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    if (!options.certificate.empty()) {
      SSL_CTX_use_certificate_chain_file(context_.get(), options.certificate.c_str());
      SSL_CTX_use_PrivateKey_file(context_.get(), options.key.c_str(), SSL_FILETYPE_PEM);
    }
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(options.alpn.data()),
                        static_cast<unsigned>(options.alpn.size()));
    SSL_set_fd(ssl_.get(), fd);
  }

  // To be called before connect().
  void resume(SSL_SESSION* session) { SSL_set_session(ssl_.get(), session); }
  bool resumed() const { return SSL_session_reused(ssl_.get()) == 1; }

  bool connect() {
    ERR_clear_error();
    return SSL_connect(ssl_.get()) == 1;
  }
  bool send(std::string_view text) {
    std::size_t count = 0;
    return SSL_write_ex(ssl_.get(), text.data(), text.size(), &count) == 1 && count == text.size();
  }
  // One record's worth; empty at the end or on failure, see clean_end().
  std::string read_some(std::size_t at_most = 1 << 16) {
    std::string text(at_most, '\0');
    std::size_t count = 0;
    ERR_clear_error();
    const int result = SSL_read_ex(ssl_.get(), text.data(), text.size(), &count);
    if (result != 1) end_ = SSL_get_error(ssl_.get(), result);
    text.resize(result == 1 ? count : 0);
    return text;
  }
  std::string read_until(char last) {
    std::string text;
    for (std::string piece = read_some(1); !piece.empty(); piece = read_some(1)) {
      text += piece;
      if (piece.front() == last) break;
    }
    return text;
  }
  std::string rest() {
    std::string text;
    for (std::string piece = read_some(); !piece.empty(); piece = read_some()) text += piece;
    return text;
  }
  // Whether reading ended with the server's close_notify.
  bool clean_end() const { return end_ == SSL_ERROR_ZERO_RETURN; }

  std::string server_name() const {
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(
        SSL_get1_peer_certificate(ssl_.get()), X509_free);
    char text[256] = {};
    if (certificate) {
      X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, text,
                                sizeof text);
    }
    return text;
  }
  std::string alpn() const {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }
  std::string version() const { return SSL_get_version(ssl_.get()); }
  SSL* get() { return ssl_.get(); }
  // A record that carries nothing for the application (TLS 1.3).
  bool update_key() {
    return SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1 &&
           SSL_do_handshake(ssl_.get()) == 1;
  }
  void say_goodbye() { SSL_shutdown(ssl_.get()); }

 private:
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
  int end_ = SSL_ERROR_NONE;
};

}  // namespace tfe::test
