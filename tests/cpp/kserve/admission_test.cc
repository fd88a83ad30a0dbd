#include "kserve/admission.h"

#include <gtest/gtest.h>

#include <limits>
#include <optional>
#include <thread>
#include <vector>

namespace tfe::kserve {
namespace {

using Ticket = Admission::Ticket;

TEST(AdmissionTest, WithoutCapsEverythingIsAdmittedAndCounted) {
  const Admission admission;
  auto one = admission.admit(1000);
  auto two = admission.admit(0);
  ASSERT_TRUE(one && two);
  EXPECT_EQ(admission.requests(), 2U);
  EXPECT_EQ(admission.bytes(), 1000U);
}

TEST(AdmissionTest, RequestsAboveTheCapAreRefusedUntilOneEnds) {
  const Admission admission({.max_requests = 2});
  std::optional<Ticket> first = *admission.admit(0);
  const auto second = admission.admit(0);
  ASSERT_TRUE(second);
  const auto refused = admission.admit(0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::Code::kResourceExhausted);
  EXPECT_EQ(refused.error().message,
            "too many inference requests in flight (max_inflight_requests is 2)");
  first.reset();
  EXPECT_TRUE(admission.admit(0));
  EXPECT_EQ(admission.requests(), 1U);
}

TEST(AdmissionTest, BytesAboveTheCapAreRefusedUntilOthersEnd) {
  const Admission admission({.max_bytes = 100});
  std::optional<Ticket> first = *admission.admit(60);
  const auto refused = admission.admit(41);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::Code::kResourceExhausted);
  EXPECT_EQ(refused.error().message,
            "too many bytes of requests in flight (max_inflight_bytes is 100)");
  EXPECT_EQ(admission.requests(), 1U);  // the refused one counts no more
  EXPECT_TRUE(admission.admit(40));
  first.reset();
  EXPECT_TRUE(admission.admit(100));
}

TEST(AdmissionTest, ARequestLargerThanTheCapIsNotToldToComeAgain) {
  const Admission admission({.max_bytes = 100});
  const auto refused = admission.admit(101);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::Code::kInvalidArgument);
  EXPECT_EQ(refused.error().message,
            "request of 101 bytes is larger than all requests in flight may be together "
            "(max_inflight_bytes is 100)");
  EXPECT_FALSE(admission.admit(std::numeric_limits<std::uint64_t>::max()));
  EXPECT_EQ(admission.bytes(), 0U);
}

TEST(AdmissionTest, BodiesOfOtherRequestsCountAsBytesOnly) {
  const Admission admission({.max_requests = 1, .max_bytes = 100});
  std::optional<Ticket> inference = *admission.admit(10);
  std::optional<Ticket> body = *admission.admit_body(60);
  EXPECT_EQ(admission.requests(), 1U);
  EXPECT_EQ(admission.bytes(), 70U);
  EXPECT_FALSE(admission.admit_body(31));
  EXPECT_FALSE(body->grow_to(91));
  body.reset();
  EXPECT_EQ(admission.requests(), 1U);
  inference.reset();
  EXPECT_EQ(admission.requests(), 0U);
  EXPECT_EQ(admission.bytes(), 0U);
}

TEST(AdmissionTest, SharesGrowWithTheBody) {
  const Admission admission({.max_bytes = 100});
  auto ticket = admission.admit(10);
  ASSERT_TRUE(ticket);
  EXPECT_TRUE(ticket->grow_to(5));
  EXPECT_EQ(admission.bytes(), 10U);
  EXPECT_TRUE(ticket->grow_to(90));
  EXPECT_FALSE(admission.admit(11));
  const auto refused = ticket->grow_to(101);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::Code::kInvalidArgument);
  EXPECT_EQ(admission.bytes(), 90U);
}

TEST(AdmissionTest, ATicketThatMovedGivesItsShareBackOnce) {
  const Admission admission({.max_requests = 2, .max_bytes = 100});
  {
    Ticket first = *admission.admit(10);
    Ticket second = std::move(first);
    first = *admission.admit(20);
    first = std::move(second);  // gives the 20 back
    EXPECT_EQ(admission.bytes(), 10U);
    EXPECT_EQ(admission.requests(), 1U);
  }
  EXPECT_EQ(admission.bytes(), 0U);
  EXPECT_EQ(admission.requests(), 0U);
  EXPECT_TRUE(Ticket().grow_to(1000));
}

TEST(AdmissionTest, TheTicketMayOutliveTheAdmission) {
  Ticket ticket;
  {
    const Admission admission({.max_bytes = 10});
    ticket = *admission.admit(10);
  }
  EXPECT_FALSE(ticket.grow_to(11));
}

TEST(AdmissionTest, ThreadsNeverPassTheCapTogether) {
  const Admission admission({.max_requests = 3});
  std::atomic<bool> passed = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int turn = 0; turn < 1000; ++turn) {
        const auto ticket = admission.admit(1);
        if (admission.requests() > 3) passed = true;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(passed);
  EXPECT_EQ(admission.requests(), 0U);
  EXPECT_EQ(admission.bytes(), 0U);
}

}  // namespace
}  // namespace tfe::kserve
