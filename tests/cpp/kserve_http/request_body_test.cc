#include "kserve_http/request_body.h"

#include <gtest/gtest.h>

#include <string>

namespace tfe::kserve_http {
namespace {

using http::Coding;

bool heavy(std::vector<Coding> codings, std::size_t size) {
  const Options options;
  RequestBody body(options, {.codings = std::move(codings)}, {});
  const std::string text(size, 'x');
  EXPECT_TRUE(body.add(base::as_bytes(text)));
  return body.heavy();
}

TEST(RequestBody, IsHeavyByWhatItMayExpandTo) {
  EXPECT_FALSE(heavy({}, 1 << 20));
  EXPECT_TRUE(heavy({}, (1 << 20) + 1));
  EXPECT_FALSE(heavy({Coding::kGzip}, 1024));
  EXPECT_TRUE(heavy({Coding::kGzip}, 1025));
  // 300 bytes may become 60 MB.
  EXPECT_TRUE(heavy({Coding::kGzip, Coding::kGzip}, 300));
}

TEST(BodyBuffer, TakesNoMemoryBeyondItsLimit) {
  // Announced is more than any machine has.
  BodyBuffer buffer(std::int64_t{1} << 60, 0, 100);
  const std::string text(100, 'x');
  EXPECT_TRUE(buffer.add(base::as_bytes(text)));
  EXPECT_EQ(base::as_text(buffer.bytes()), text);
  EXPECT_FALSE(buffer.add(base::as_bytes("x")));
  EXPECT_TRUE(buffer.exceeded());
}

}  // namespace
}  // namespace tfe::kserve_http
