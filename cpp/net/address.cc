#include "net/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <memory>
#include <system_error>

namespace tfe::net {
namespace {

using base::Code;

base::Error address_error(std::string_view address, Code code, const std::string& problem) {
  return {code, "address '" + std::string(address) + "': " + problem};
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// The host of "host", "[host]", "ipv4:host" or "ipv6:[host]".
base::Result<std::string> parse_host(std::string_view address) {
  const auto invalid = [&](const std::string& problem) {
    return std::unexpected(address_error(address, Code::kInvalidArgument, problem));
  };
  std::string_view host = address;
  if (!take_prefix(host, "ipv4:")) take_prefix(host, "ipv6:");
  if (host.starts_with('[')) {
    const std::size_t close = host.find(']');
    if (close == std::string_view::npos) return invalid("'[' without ']'");
    if (close + 1 != host.size()) {
      return invalid("unexpected text after ']'; the port is given by the option port");
    }
    host = host.substr(1, close - 1);
    if (host.find(':') == std::string_view::npos) return invalid("expected IPv6 inside '[]'");
  } else if (std::ranges::count(host, ':') == 1) {
    return invalid("expected a host without ':'; the port is given by the option port");
  }
  if (host.empty()) {
    return invalid("expected an IPv4 or IPv6 address, a host name or unix:/path");
  }
  if (host.find('\0') != std::string_view::npos) return invalid("contains a NUL byte");
  return std::string(host);
}

base::Result<std::vector<SocketAddress>> look_up(std::string_view address, const std::string& host,
                                                 std::uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* raw = nullptr;
  const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &raw);
  if (error != 0) {
    const std::string reason = error == EAI_SYSTEM ? std::generic_category().message(errno)
                                                   : std::string(::gai_strerror(error));
    return std::unexpected(address_error(address, Code::kUnavailable, "cannot resolve: " + reason));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> found(raw, &::freeaddrinfo);
  std::vector<SocketAddress> candidates;
  for (const addrinfo* info = found.get(); info != nullptr; info = info->ai_next) {
    SocketAddress& candidate = candidates.emplace_back();
    std::memcpy(&candidate.storage, info->ai_addr, info->ai_addrlen);
    candidate.length = info->ai_addrlen;
  }
  // A name with both kinds ("localhost") listens where the reference server does: on IPv4.
  std::ranges::stable_partition(candidates,
                                [](const SocketAddress& a) { return a.family() == AF_INET; });
  return candidates;
}

base::Result<SocketAddress> unix_address(std::string_view address, std::string_view name,
                                         bool abstract) {
  SocketAddress result;
  auto* target = reinterpret_cast<sockaddr_un*>(&result.storage);
  // A path is followed by a NUL, an abstract name is preceded by one.
  const std::size_t limit = sizeof(target->sun_path) - 1;
  if (name.empty() || name.size() > limit) {
    return std::unexpected(address_error(address, Code::kInvalidArgument,
                                         "expected a unix socket name of 1.." +
                                             std::to_string(limit) + " bytes, got " +
                                             std::to_string(name.size())));
  }
  if (name.find('\0') != std::string_view::npos) {
    return std::unexpected(address_error(address, Code::kInvalidArgument, "contains a NUL byte"));
  }
  target->sun_family = AF_UNIX;
  std::memcpy(target->sun_path + (abstract ? 1 : 0), name.data(), name.size());
  result.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + 1);
  return result;
}

base::Result<ListenTarget> unix_target(std::string_view address, std::string_view name,
                                       bool abstract) {
  ListenTarget target;
  target.label = address;
  if (const std::size_t comma = name.rfind(",mode="); !abstract && comma != name.npos) {
    const std::string_view digits = name.substr(comma + 6);
    unsigned mode = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), mode, 8);
    if (error != std::errc() || end != digits.data() + digits.size() || mode > 0777) {
      return std::unexpected(address_error(
          address, Code::kInvalidArgument,
          "mode: expected an octal number up to 777, got '" + std::string(digits) + "'"));
    }
    target.unix_mode = static_cast<mode_t>(mode);
    name = name.substr(0, comma);
    target.label.resize(target.label.size() - digits.size() - 6);
  }
  auto parsed = unix_address(address, name, abstract);
  if (!parsed) return std::unexpected(parsed.error());
  target.candidates.push_back(*parsed);
  if (!abstract) target.unix_path = name;
  return target;
}

}  // namespace

SocketAddress SocketAddress::of_local_end(int fd) {
  SocketAddress address;
  address.length = sizeof(address.storage);
  if (::getsockname(fd, address.get(), &address.length) != 0) return {};
  return address;
}

std::uint16_t SocketAddress::port() const {
  if (family() == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in*>(&storage)->sin_port);
  if (family() == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port);
  }
  return 0;
}

bool SocketAddress::unnamed() const {
  return family() == AF_UNIX && length <= offsetof(sockaddr_un, sun_path);
}

std::string SocketAddress::host() const {
  if (family() == AF_UNIX) {
    const auto* address = reinterpret_cast<const sockaddr_un*>(&storage);
    const std::size_t used =
        length - std::min<std::size_t>(length, offsetof(sockaddr_un, sun_path));
    if (used == 0) return {};
    if (address->sun_path[0] != '\0') {
      return {address->sun_path, ::strnlen(address->sun_path, used)};
    }
    std::string name = "@";
    for (std::size_t i = 1; i < used && address->sun_path[i] != '\0'; ++i) {
      name += address->sun_path[i];
    }
    return name;
  }
  char text[NI_MAXHOST];
  if (length == 0 ||
      ::getnameinfo(get(), length, text, sizeof text, nullptr, 0, NI_NUMERICHOST) != 0) {
    return {};
  }
  return text;
}

std::string SocketAddress::text() const {
  if (family() == AF_UNIX) return "unix:" + host();
  const std::string name = family() == AF_INET6 ? "[" + host() + "]" : host();
  return name + ":" + std::to_string(port());
}

base::Result<ListenTarget> resolve_listen_address(std::string_view address, std::uint16_t port) {
  std::string_view rest = address;
  if (take_prefix(rest, "unix:")) return unix_target(address, rest, false);
  if (take_prefix(rest, "unix-abstract:")) return unix_target(address, rest, true);
  const auto host = parse_host(address);
  if (!host) return std::unexpected(host.error());
  auto candidates = look_up(address, *host, port);
  if (!candidates) return std::unexpected(candidates.error());
  ListenTarget target;
  target.candidates = std::move(*candidates);
  target.label = std::string(address) + ":" + std::to_string(port);
  return target;
}

}  // namespace tfe::net
