// A server that runs out of descriptors beside others that do not: it says so, and loses nobody.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <vector>

#include "net/listener.h"
#include "net/pass_descriptors.h"
#include "net/spare_descriptors.h"
#include "server/beat_page.h"
#include "server/server_rig.h"

namespace tfe::server {
namespace {

using test::Client;
using test::eventually;

class LackTest : public test::ServerTest {
 protected:
  LackTest() {
    EXPECT_EQ(::ftruncate(file_.get(), BeatPage::kSize), 0);
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, inbox_.data()), 0);
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
    options.beats = {.fd = file_.get(), .offset = 0, .completed = {}};
    options.inbox_fd = inbox_[1];
  }
  ~LackTest() override {
    give_back();
    for (const int fd : inbox_) ::close(fd);
  }

  // Takes all descriptors but `left`.
  void take_all_but(std::size_t left) {
    rlimit low = before_;
    low.rlim_cur = 256;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
    while (true) {
      base::UniqueFd filler(::open("/dev/null", O_RDONLY | O_CLOEXEC));
      if (!filler) break;
      fillers_.push_back(std::move(filler));
    }
    for (std::size_t i = 0; i < left; ++i) fillers_.pop_back();
  }
  void give_back() {
    fillers_.clear();
    ::setrlimit(RLIMIT_NOFILE, &before_);
  }

  std::uint64_t read(std::size_t at) const {
    std::uint64_t value = 0;
    EXPECT_EQ(::pread(file_.get(), &value, sizeof value, static_cast<off_t>(at)),
              static_cast<ssize_t>(sizeof value));
    return value;
  }
  bool lacking() const { return read(48) == 1; }
  bool inbox_holds() const {
    pollfd waiting{.fd = inbox_[1], .events = POLLIN, .revents = 0};
    return ::poll(&waiting, 1, 0) == 1;
  }
  int inbox() const { return inbox_[0]; }

 private:
  base::UniqueFd file_{::memfd_create("beats", MFD_CLOEXEC)};
  std::array<int, 2> inbox_{};
  rlimit before_{};
  std::vector<base::UniqueFd> fillers_;
};

TEST_F(LackTest, ClientsStayWhereOthersFindThemUntilThereIsRoom) {
  start();
  const auto elsewhere = net::Listener::open({.address = "127.0.0.1"});
  Client passed(elsewhere->port());
  base::UniqueFd accepted(::accept(elsewhere->fd(), nullptr, nullptr));
  Client queued = Client::unconnected();
  EXPECT_FALSE(lacking());
  // Asked before: UBSan opens a pipe to look at an object of a type it has not seen yet.
  const std::uint16_t port = server().port();
  take_all_but(0);
  EXPECT_TRUE(eventually([&] { return lacking(); })) << "before any client came";
  queued.connect_ip4(port);
  ASSERT_TRUE(queued.send("queued\n"));
  ASSERT_TRUE(net::pass_descriptors(inbox(), std::array{accepted.get()}));
  accepted.reset();
  ASSERT_TRUE(passed.send("passed\n"));
  const std::uint64_t beat = read(64);
  EXPECT_TRUE(eventually([&] { return read(64) > beat + 300'000'000; })) << "it beats on";
  EXPECT_EQ(read(8), 0U) << "nobody was taken";
  EXPECT_TRUE(inbox_holds());

  give_back();
  EXPECT_EQ(queued.line(), "queued\n");
  EXPECT_EQ(passed.line(), "passed\n");
  EXPECT_FALSE(lacking());
}

TEST_F(LackTest, ConnectionsLeaveSomeDescriptorsToTheRestOfTheProcess) {
  options.inbox_fd = -1;
  start();
  std::vector<Client> clients;
  for (int i = 0; i < 8; ++i) clients.push_back(Client::unconnected());
  take_all_but(net::kSpareDescriptors + 4);
  for (Client& client : clients) client.connect_ip4(server().port());
  EXPECT_TRUE(eventually([&] { return lacking(); }));
  const std::uint64_t taken = read(8);
  EXPECT_GT(taken, 0U);
  EXPECT_LT(taken, clients.size());
  std::vector<base::UniqueFd> free;
  for (std::size_t i = 0; i + 4 < net::kSpareDescriptors; ++i) {
    free.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    EXPECT_TRUE(static_cast<bool>(free.back())) << i;
  }
  free.clear();
  give_back();
  for (Client& client : clients) {
    ASSERT_TRUE(client.send("x\n"));
    EXPECT_EQ(client.line(), "x\n");
  }
  EXPECT_TRUE(eventually([&] { return !lacking(); }));
}

}  // namespace
}  // namespace tfe::server
