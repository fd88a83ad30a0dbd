// What a listening side needs for TLS: certificate chain, private key, whom to trust, and which
// application protocols to offer. The files are read again when they change, so that certificates
// are renewed without a restart.
//
// Thread-safe. Connections keep the credentials they began with; new ones get the latest valid.
#pragma once

#include <openssl/types.h>
#include <sys/stat.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "base/unique_fd.h"
#include "net/address.h"

namespace tfe::net {

class Transport;

struct TlsOptions {
  std::string certificate_chain;  // PEM file, the server's own certificate first
  std::string private_key;        // PEM file, not encrypted
  std::string client_ca;          // PEM file: who may sign client certificates
  // Mutual TLS: a client without a certificate signed by client_ca is refused in the handshake.
  // Off, no certificate is asked for, even with client_ca.
  bool require_client_certificate = false;
  // 1.0 and 1.1 are deprecated (RFC 8996); 1.2 is what older clients still speak.
  enum class Version : std::uint8_t { k12, k13 } minimum_version = Version::k12;
  // Application protocols by preference, e.g. {"h2", "http/1.1"}. A client that offers only others
  // is refused (RFC 7301 section 3.2); one that offers none is not. Empty: no agreement is made.
  std::vector<std::string> alpn;
};

// One certificate with all settings, shared by the connections that use it.
struct TlsCredentials {
  struct Free {
    void operator()(SSL_CTX* context) const;
  };
  std::unique_ptr<SSL_CTX, Free> context;
  std::string alpn;  // in the form of the wire (RFC 7301 section 3.1)
};

class TlsContext {
 public:
  using OnError = std::function<void(const base::Error&)>;

  // Files are looked at again when a connection comes, at most this often.
  static constexpr std::chrono::milliseconds kCheckInterval{1'000};

  // kInvalidArgument; the message names the file and what is wrong with it. `on_error` (may be
  // empty) hears once of each change of the files that could not be used; on any thread.
  static base::Result<std::shared_ptr<TlsContext>> create(TlsOptions options, OnError on_error);

  // A transport for a connected, non-blocking socket whose handshake is still to be made.
  base::Result<std::unique_ptr<Transport>> accept(base::UniqueFd socket, const SocketAddress& peer);

  // Reads the files now. On failure the credentials in use stay.
  base::Status reload();
  // How often new credentials were taken.
  std::uint64_t reloads() const;

 private:
  // What tells that a file is another one, or has other content.
  struct Stamp {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = -1;
    std::int64_t modified = 0;  // ns
    bool operator==(const Stamp&) const = default;
  };
  using Stamps = std::array<Stamp, 3>;

  TlsContext(TlsOptions options, OnError on_error);
  Stamps look() const;
  static Stamp look_at(const std::string& path);
  base::Result<std::shared_ptr<const TlsCredentials>> load() const;
  std::shared_ptr<const TlsCredentials> current(base::TimePoint now);
  base::Status replace(const Stamps& stamps);

  const TlsOptions options_;
  const OnError on_error_;
  mutable std::mutex mutex_;
  std::shared_ptr<const TlsCredentials> credentials_;
  Stamps stamps_;  // of the last attempt to load
  base::TimePoint next_check_;
  std::uint64_t reloads_ = 0;
};

}  // namespace tfe::net
