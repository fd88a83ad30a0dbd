#include "net/tls_context.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>

#include "net/tls_transport.h"

namespace tfe::net {
namespace {

using base::Code;

// Forward secrecy and authenticated encryption only; the suites of TLS 1.3 are all of that kind.
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";

// Sessions of one context may be resumed only there: what a client proved with its certificate
// holds for the CA it was checked against.
constexpr std::string_view kSessionContext = "frontend";

std::string last_openssl_error() {
  const unsigned long error = ERR_peek_last_error();
  const char* reason = ERR_reason_error_string(error);
  ERR_clear_error();
  return reason != nullptr ? reason : "unknown error";
}

std::unexpected<base::Error> bad_file(std::string_view what, const std::string& path,
                                      const std::string& why) {
  return base::fail(Code::kInvalidArgument, "TLS " + std::string(what) + " '" + path + "': " + why);
}

// OpenSSL's own words for a file that is not there do not help.
base::Status check_readable(std::string_view what, const std::string& path) {
  const base::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return bad_file(what, path, std::generic_category().message(errno));
  struct stat status{};
  if (::fstat(file.get(), &status) == 0 && !S_ISREG(status.st_mode)) {
    return bad_file(what, path, "not a regular file");
  }
  return {};
}

// Instead of a question on the terminal.
int no_password(char*, int, int, void*) { return -1; }

int select_alpn(SSL*, const unsigned char** chosen, unsigned char* chosen_size,
                const unsigned char* offered, unsigned int offered_size, void* credentials) {
  const std::string& ours = static_cast<const TlsCredentials*>(credentials)->alpn;
  unsigned char* match = nullptr;
  const int result = SSL_select_next_proto(
      &match, chosen_size, reinterpret_cast<const unsigned char*>(ours.data()),
      static_cast<unsigned int>(ours.size()), offered, offered_size);
  *chosen = match;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

void apply_settings(SSL_CTX* context, TlsOptions::Version minimum) {
  SSL_CTX_set_min_proto_version(
      context, minimum == TlsOptions::Version::k13 ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context, kCiphers);
  // No compression (CRIME), no renegotiation (which costs us more than the client). An end without
  // close_notify: see tls_transport.h.
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
  // Idle connections give their buffers back, 34 KB each.
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  // One read handles what was received, however many records without content a client sends.
  SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_read_ahead(context, 1);
  // Resumption by tickets, which cost no memory here.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_session_id_context(context,
                                 reinterpret_cast<const unsigned char*>(kSessionContext.data()),
                                 static_cast<unsigned int>(kSessionContext.size()));
  SSL_CTX_set_default_passwd_cb(context, no_password);
}

base::Status load_identity(SSL_CTX* context, const TlsOptions& options) {
  constexpr std::string_view kChain = "certificate chain";
  constexpr std::string_view kKey = "private key";
  if (auto ok = check_readable(kChain, options.certificate_chain); !ok) return ok;
  if (SSL_CTX_use_certificate_chain_file(context, options.certificate_chain.c_str()) != 1) {
    return bad_file(kChain, options.certificate_chain,
                    "not a usable certificate in PEM form (" + last_openssl_error() + ")");
  }
  if (auto ok = check_readable(kKey, options.private_key); !ok) return ok;
  if (SSL_CTX_use_PrivateKey_file(context, options.private_key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    const int reason = ERR_GET_REASON(ERR_peek_last_error());
    const bool mismatch =
        reason == X509_R_KEY_VALUES_MISMATCH || reason == X509_R_KEY_TYPE_MISMATCH;
    const std::string why = last_openssl_error();
    return bad_file(kKey, options.private_key,
                    mismatch
                        ? "does not belong to the certificate '" + options.certificate_chain + "'"
                        : "not an unencrypted private key in PEM form (" + why + ")");
  }
  return {};
}

base::Status load_client_ca(SSL_CTX* context, const TlsOptions& options) {
  if (!options.require_client_certificate) return {};
  constexpr std::string_view kCa = "client CA";
  if (auto ok = check_readable(kCa, options.client_ca); !ok) return ok;
  STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(options.client_ca.c_str());
  if (names == nullptr ||
      SSL_CTX_load_verify_locations(context, options.client_ca.c_str(), nullptr) != 1) {
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    return bad_file(kCa, options.client_ca,
                    "no usable certificates in PEM form (" + last_openssl_error() + ")");
  }
  SSL_CTX_set_client_CA_list(context, names);  // takes it
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return {};
}

base::Result<std::string> wire_form(const std::vector<std::string>& protocols) {
  std::string wire;
  for (const std::string& name : protocols) {
    if (name.empty() || name.size() > 255) {
      return base::fail(Code::kInvalidArgument, "TLS alpn: expected names of 1..255 bytes");
    }
    wire += static_cast<char>(static_cast<unsigned char>(name.size()));
    wire += name;
  }
  return wire;
}

}  // namespace

void TlsCredentials::Free::operator()(SSL_CTX* context) const { SSL_CTX_free(context); }

TlsContext::TlsContext(TlsOptions options, OnError on_error)
    : options_(std::move(options)), on_error_(std::move(on_error)) {}

base::Result<std::shared_ptr<TlsContext>> TlsContext::create(TlsOptions options, OnError on_error) {
  if (options.require_client_certificate && options.client_ca.empty()) {
    return base::fail(Code::kInvalidArgument,
                      "TLS client CA: a file is needed to require client certificates");
  }
  std::shared_ptr<TlsContext> context(new TlsContext(std::move(options), std::move(on_error)));
  context->stamps_ = context->look();
  auto credentials = context->load();
  if (!credentials) return std::unexpected(std::move(credentials).error());
  context->credentials_ = *std::move(credentials);
  context->next_check_ = base::Clock::now() + kCheckInterval;
  return context;
}

base::Result<std::shared_ptr<const TlsCredentials>> TlsContext::load() const {
  auto credentials = std::make_shared<TlsCredentials>();
  auto alpn = wire_form(options_.alpn);
  if (!alpn) return std::unexpected(std::move(alpn).error());
  credentials->alpn = *std::move(alpn);
  ERR_clear_error();
  credentials->context.reset(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* context = credentials->context.get();
  if (context == nullptr) return base::fail(Code::kInternal, "TLS: " + last_openssl_error());
  apply_settings(context, options_.minimum_version);
  if (auto loaded = load_identity(context, options_); !loaded) {
    return std::unexpected(std::move(loaded).error());
  }
  if (auto loaded = load_client_ca(context, options_); !loaded) {
    return std::unexpected(std::move(loaded).error());
  }
  if (!credentials->alpn.empty()) {
    SSL_CTX_set_alpn_select_cb(context, select_alpn, credentials.get());
  }
  return credentials;
}

TlsContext::Stamp TlsContext::look_at(const std::string& path) {
  struct stat status{};
  if (path.empty() || ::stat(path.c_str(), &status) != 0) return {};
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .size = status.st_size,
          .modified = std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec};
}

TlsContext::Stamps TlsContext::look() const {
  return {look_at(options_.certificate_chain), look_at(options_.private_key),
          look_at(options_.client_ca)};
}

// With mutex_ held.
base::Status TlsContext::replace(const Stamps& stamps) {
  stamps_ = stamps;
  auto loaded = load();
  if (!loaded) return std::unexpected(std::move(loaded).error());
  credentials_ = *std::move(loaded);
  ++reloads_;
  return {};
}

base::Status TlsContext::reload() {
  const std::lock_guard lock(mutex_);
  return replace(look());
}

std::uint64_t TlsContext::reloads() const {
  const std::lock_guard lock(mutex_);
  return reloads_;
}

std::shared_ptr<const TlsCredentials> TlsContext::current(base::TimePoint now) {
  base::Status status;
  std::shared_ptr<const TlsCredentials> credentials;
  {
    const std::lock_guard lock(mutex_);
    if (now >= next_check_) {
      next_check_ = now + kCheckInterval;
      if (const Stamps stamps = look(); stamps != stamps_) status = replace(stamps);
    }
    credentials = credentials_;
  }
  if (!status && on_error_) {
    on_error_(
        {status.error().code, status.error().message + "; the certificate in use stays in use"});
  }
  return credentials;
}

base::Result<std::unique_ptr<Transport>> TlsContext::accept(base::UniqueFd socket,
                                                            const SocketAddress& peer) {
  std::unique_ptr<Transport> transport =
      TlsTransport::create(current(base::Clock::now()), std::move(socket), peer);
  if (!transport) return base::fail(Code::kResourceExhausted, "TLS: out of memory");
  return transport;
}

}  // namespace tfe::net
