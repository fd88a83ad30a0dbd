#include "net/listener.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace tfe::net {
namespace {

using base::Code;

// A system call that failed while a socket was being made.
struct Failure {
  const char* step;
  int error;
};
using SocketResult = std::expected<base::UniqueFd, Failure>;

std::unexpected<Failure> failed(const char* step) { return std::unexpected(Failure{step, errno}); }

base::Error describe(const std::string& label, const Failure& failure) {
  if (failure.error == EADDRINUSE) {
    return {Code::kUnavailable, "Socket '" + label + "' already in use "};
  }
  return {Code::kUnavailable, "address '" + label + "': cannot " + failure.step + ": " +
                                  std::generic_category().message(failure.error)};
}

bool set_option(int fd, int level, int name, int value) {
  return ::setsockopt(fd, level, name, &value, sizeof value) == 0;
}

// A unix socket's file outlives a killed server. It is stale if nobody listens behind it.
bool remove_stale_file(const SocketAddress& address, const std::string& path) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0 || !S_ISSOCK(info.st_mode)) return false;
  const base::UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe || ::connect(probe.get(), address.get(), address.length) == 0) return false;
  return errno == ECONNREFUSED && ::unlink(path.c_str()) == 0;
}

bool bind_socket(int fd, const SocketAddress& address, const ListenTarget& target) {
  if (::bind(fd, address.get(), address.length) == 0) return true;
  if (errno != EADDRINUSE || target.unix_path.empty()) return false;
  if (!remove_stale_file(address, target.unix_path)) {
    errno = EADDRINUSE;
    return false;
  }
  return ::bind(fd, address.get(), address.length) == 0;
}

SocketResult open_socket(const SocketAddress& address, const ListenTarget& target,
                         const ListenOptions& options) {
  base::UniqueFd socket(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return failed("create a socket");
  if (address.family() != AF_UNIX) {
    // Only lets a port be taken again while old connections are in TIME_WAIT; two listeners still
    // exclude each other.
    if (!set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1)) return failed("set SO_REUSEADDR");
    if (options.reuse_port && !set_option(socket.get(), SOL_SOCKET, SO_REUSEPORT, 1)) {
      return failed("set SO_REUSEPORT");
    }
  }
  // "::" takes IPv4 as well, whatever the system's default is.
  if (address.family() == AF_INET6 && !set_option(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0)) {
    return failed("clear IPV6_V6ONLY");
  }
  // Before bind: the file must never exist with wider rights than asked for.
  if (target.unix_mode && ::fchmod(socket.get(), *target.unix_mode) != 0) {
    return failed("set the mode");
  }
  if (!bind_socket(socket.get(), address, target)) return failed("bind");
  // Again, because the umask narrowed it.
  if (target.unix_mode && ::chmod(target.unix_path.c_str(), *target.unix_mode) != 0) {
    return failed("set the mode");
  }
  if (::listen(socket.get(), options.backlog) != 0) return failed("listen");
  return socket;
}

bool is_listening_stream(int fd) {
  int type = 0;
  int accepts = 0;
  socklen_t size = sizeof type;
  if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0) return false;
  size = sizeof accepts;
  if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &size) != 0) return false;
  errno = EINVAL;
  return type == SOCK_STREAM && accepts != 0;
}

}  // namespace

Listener::Listener(base::UniqueFd socket, bool inherited)
    : socket_(std::move(socket)),
      inherited_(inherited),
      address_(SocketAddress::of_local_end(socket_.get())) {}

Listener::Listener(Listener&& other) noexcept
    : socket_(std::move(other.socket_)),
      inherited_(other.inherited_),
      address_(other.address_),
      unix_path_(std::exchange(other.unix_path_, {})),
      unix_device_(other.unix_device_),
      unix_inode_(other.unix_inode_) {}

Listener::~Listener() {
  if (unix_path_.empty()) return;
  struct stat info{};
  if (::lstat(unix_path_.c_str(), &info) == 0 && info.st_dev == unix_device_ &&
      info.st_ino == unix_inode_) {
    ::unlink(unix_path_.c_str());
  }
}

void Listener::remember_unix_file(const std::string& path) {
  struct stat info{};
  if (path.empty() || ::lstat(path.c_str(), &info) != 0) return;
  unix_path_ = path;
  unix_device_ = info.st_dev;
  unix_inode_ = info.st_ino;
}

base::Result<Listener> Listener::inherit(const ListenOptions& options) {
  const auto invalid = [&] {
    return base::fail(
        Code::kInvalidArgument,
        "inherited_fd " + std::to_string(options.inherited_fd) +
            ": expected a listening stream socket: " + std::generic_category().message(errno));
  };
  if (!is_listening_stream(options.inherited_fd)) return invalid();
  base::UniqueFd socket(::fcntl(options.inherited_fd, F_DUPFD_CLOEXEC, 0));
  if (!socket) return invalid();
  const int flags = ::fcntl(socket.get(), F_GETFL);
  if (flags < 0 || ::fcntl(socket.get(), F_SETFL, flags | O_NONBLOCK) != 0) return invalid();
  return Listener(std::move(socket), true);
}

base::Result<Listener> Listener::bind_target(const ListenTarget& target,
                                             const ListenOptions& options) {
  Failure last{"bind", EADDRNOTAVAIL};
  for (const SocketAddress& candidate : target.candidates) {
    SocketResult socket = open_socket(candidate, target, options);
    if (socket) {
      Listener listener(std::move(*socket), false);
      listener.remember_unix_file(target.unix_path);
      return listener;
    }
    last = socket.error();
    // The next candidate is for machines that lack this one's address family or address only.
    if (last.error != EAFNOSUPPORT && last.error != EADDRNOTAVAIL) break;
  }
  return std::unexpected(describe(target.label, last));
}

base::Result<Listener> Listener::open(const ListenOptions& options) {
  if (options.backlog < 1) {
    return base::fail(Code::kInvalidArgument,
                      "backlog: expected at least 1, got " + std::to_string(options.backlog));
  }
  if (options.inherited_fd >= 0) return inherit(options);
  auto target = resolve_listen_address(options.address, options.port);
  if (!target) return std::unexpected(target.error());
  if (options.dual_stack && options.address == "0.0.0.0") {
    auto any = resolve_listen_address("::", options.port);
    if (any) target->candidates.insert(target->candidates.begin(), any->candidates.front());
  }
  return bind_target(*target, options);
}

}  // namespace tfe::net
