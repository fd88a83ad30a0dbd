#include "net/address.h"

#include <gtest/gtest.h>

#include <string>

namespace tfe::net {
namespace {

std::string first(std::string_view address, std::uint16_t port = 8000) {
  const auto target = resolve_listen_address(address, port);
  return target ? target->candidates.front().text() : target.error().message;
}

TEST(Address, ParsesIpAddresses) {
  EXPECT_EQ(first("0.0.0.0"), "0.0.0.0:8000");
  EXPECT_EQ(first("127.0.0.1", 0), "127.0.0.1:0");
  EXPECT_EQ(first("ipv4:127.0.0.1"), "127.0.0.1:8000");
  EXPECT_EQ(first("::"), "[::]:8000");
  EXPECT_EQ(first("::1"), "[::1]:8000");
  EXPECT_EQ(first("[::1]", 65535), "[::1]:65535");
  EXPECT_EQ(first("ipv6:[::1]"), "[::1]:8000");
  EXPECT_EQ(first("::ffff:127.0.0.1"), "[::ffff:127.0.0.1]:8000");
}

TEST(Address, PrefersIp4ForNames) { EXPECT_EQ(first("localhost"), "127.0.0.1:8000"); }

TEST(Address, KeepsTheUsersTextInItsLabel) {
  EXPECT_EQ(resolve_listen_address("localhost", 80)->label, "localhost:80");
  EXPECT_EQ(resolve_listen_address("::1", 80)->label, "::1:80");
  EXPECT_EQ(resolve_listen_address("unix:/a,mode=600", 80)->label, "unix:/a");
}

TEST(Address, ParsesUnixAddresses) {
  const auto plain = resolve_listen_address("unix:/tmp/x.sock", 8000);
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(plain->unix_path, "/tmp/x.sock");
  EXPECT_FALSE(plain->unix_mode.has_value());
  EXPECT_EQ(plain->candidates.front().text(), "unix:/tmp/x.sock");
  EXPECT_EQ(plain->candidates.front().port(), 0);

  const auto mode = resolve_listen_address("unix:/tmp/x.sock,mode=660", 0);
  ASSERT_TRUE(mode.has_value());
  EXPECT_EQ(mode->unix_path, "/tmp/x.sock");
  EXPECT_EQ(mode->unix_mode, mode_t{0660});

  const auto abstract = resolve_listen_address("unix-abstract:name", 0);
  ASSERT_TRUE(abstract.has_value());
  EXPECT_EQ(abstract->unix_path, "");
  EXPECT_EQ(abstract->candidates.front().host(), "@name");
}

TEST(Address, NamesTheOptionAndTheProblem) {
  const auto expect = [](std::string_view address, std::string_view problem) {
    const auto target = resolve_listen_address(address, 1);
    ASSERT_FALSE(target.has_value()) << address;
    EXPECT_TRUE(target.error().message.starts_with("address '" + std::string(address) + "': "))
        << target.error().message;
    EXPECT_NE(target.error().message.find(problem), std::string::npos) << target.error().message;
  };
  expect("", "expected an IPv4 or IPv6 address, a host name or unix:/path");
  expect("[]", "expected IPv6");
  expect("[::1", "'[' without ']'");
  expect("[::1]:8000", "the port is given by the option port");
  expect("[127.0.0.1]", "expected IPv6");
  expect("127.0.0.1:8000", "the port is given by the option port");
  expect("localhost:8000", "the port is given by the option port");
  expect("::zz", "cannot resolve");
  expect("no-such-host.invalid", "cannot resolve");
  expect("unix:", "expected a unix socket name of 1..107 bytes, got 0");
  expect("unix:" + std::string(108, 'x'), "got 108");
  expect("unix:/x,mode=9", "mode: expected an octal number up to 777, got '9'");
  expect("unix:/x,mode=", "mode: expected");
  expect("unix:/x,mode=1777", "mode: expected");
  expect("unix-abstract:", "got 0");
  expect(std::string_view("a\0b", 3), "NUL");
}

}  // namespace
}  // namespace tfe::net
