// Blocking client sockets for tests. Every wait ends with a failure after kPatience, so that a bug
// fails a test instead of hanging it; nothing depends on how long something takes.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>

#include "base/unique_fd.h"

namespace tfe::test {

inline constexpr std::chrono::seconds kPatience{60};

class Client {
 public:
  explicit Client(std::uint16_t port) : Client(AF_INET) { connect_ip4(port); }

  static Client to_ip6(std::uint16_t port) {
    Client client(AF_INET6);
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    address.sin6_addr = in6addr_loopback;
    client.connect(reinterpret_cast<sockaddr*>(&address), sizeof address);
    return client;
  }
  static Client to_unix(const std::string& path) {
    Client client(AF_UNIX);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    client.connect(reinterpret_cast<sockaddr*>(&address), sizeof address);
    return client;
  }
  // A socket that is connected later, for tests that run out of descriptors.
  static Client unconnected() { return Client(AF_INET); }

  void connect_ip4(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connect(reinterpret_cast<sockaddr*>(&address), sizeof address);
  }

  int fd() const { return socket_.get(); }
  bool connected() const { return error_ == 0; }
  int connect_error() const { return error_; }

  // False when the peer is gone.
  bool send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t count = ::send(fd(), text.data(), text.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }
  // Up to and including '\n'; less at the end of the stream.
  std::string line() {
    std::size_t searched = 0;
    std::size_t at = 0;
    while ((at = buffer_.find('\n', searched)) == std::string::npos) {
      searched = buffer_.size();
      if (!fill()) return std::exchange(buffer_, {});
    }
    std::string text = buffer_.substr(0, at + 1);
    buffer_.erase(0, at + 1);
    return text;
  }
  // Everything up to the end of the stream; `reset` tells whether that was an error.
  std::string rest(bool* reset = nullptr) {
    while (fill()) {
    }
    if (reset != nullptr) *reset = read_error_ != 0;
    return std::exchange(buffer_, {});
  }
  std::string read_some(std::size_t at_most) {
    std::string text(at_most, '\0');
    const ssize_t count = ::recv(fd(), text.data(), text.size(), 0);
    text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return text;
  }
  void finish_sending() { ::shutdown(fd(), SHUT_WR); }
  void close() { socket_.reset(); }
  // Ends the connection with a reset.
  void reset() {
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    socket_.reset();
  }

 private:
  explicit Client(int family) : socket_(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval patience{.tv_sec = kPatience.count(), .tv_usec = 0};
    ::setsockopt(fd(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  }
  void connect(const sockaddr* address, socklen_t size) {
    error_ = ::connect(fd(), address, size) == 0 ? 0 : errno;
  }
  bool fill() {
    char piece[16384];
    const ssize_t count = ::recv(fd(), piece, sizeof piece, 0);
    if (count < 0) {
      read_error_ = errno;
      EXPECT_NE(read_error_, EAGAIN) << "the peer kept silent";
    }
    if (count <= 0) return false;
    buffer_.append(piece, static_cast<std::size_t>(count));
    return true;
  }

  base::UniqueFd socket_;
  std::string buffer_;
  int error_ = -1;
  int read_error_ = 0;
};

// Waits for something that another thread is about to make true.
template <typename Condition>
[[nodiscard]] bool eventually(Condition condition) {
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace tfe::test
