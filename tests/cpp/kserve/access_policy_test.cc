#include "kserve/access_policy.h"

#include <gtest/gtest.h>

#include <map>

namespace tfe::kserve {
namespace {

using Headers = std::map<std::string, std::string, std::less<>>;

AccessPolicy::Lookup lookup_in(const Headers& headers) {
  return [&headers](std::string_view key) -> std::optional<std::string_view> {
    const auto found = headers.find(key);
    if (found == headers.end()) return std::nullopt;
    return found->second;
  };
}

std::string refusal(const std::vector<std::string>& rules) {
  const auto policy = AccessPolicy::parse(rules);
  if (policy) return "accepted";
  EXPECT_EQ(policy.error().code, base::Code::kInvalidArgument);
  return policy.error().message;
}

std::string grpc_refusal(const std::string& rule) {
  const auto policy = AccessPolicy::parse({rule}, Protocol::kGrpc);
  return policy ? "accepted" : policy.error().message;
}

TEST(AccessPolicyTest, RestrictsNothingByDefault) {
  for (const AccessPolicy& policy : {AccessPolicy(), *AccessPolicy::parse({})}) {
    for (std::size_t api = 0; api < kApiCount; ++api) {
      EXPECT_FALSE(policy.restricts(static_cast<Api>(api)));
      EXPECT_TRUE(policy.check(static_cast<Api>(api), lookup_in({})));
    }
  }
}

TEST(AccessPolicyTest, EveryApiHasItsName) {
  const auto policy = AccessPolicy::parse(
      {"health,metadata,inference,shared-memory,model-config,model-repository,statistics,trace,"
       "logging:admin-key=s3cret"});
  ASSERT_TRUE(policy);
  for (std::size_t api = 0; api < kApiCount; ++api) {
    EXPECT_TRUE(policy->restricts(static_cast<Api>(api)));
    EXPECT_TRUE(policy->check(static_cast<Api>(api), lookup_in({{"admin-key", "s3cret"}})));
    const auto refused = policy->check(static_cast<Api>(api), lookup_in({}));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, base::Code::kPermissionDenied);
    EXPECT_EQ(refused.error().message, "This API is restricted, expecting header 'admin-key'");
  }
}

TEST(AccessPolicyTest, GroupsHaveTheirOwnSecrets) {
  const auto policy = AccessPolicy::parse({"model-repository:admin=a", "inference,health:user=u"});
  ASSERT_TRUE(policy);
  EXPECT_TRUE(policy->check(Api::kModelRepository, lookup_in({{"admin", "a"}})));
  EXPECT_FALSE(policy->check(Api::kModelRepository, lookup_in({{"user", "u"}})));
  EXPECT_TRUE(policy->check(Api::kHealth, lookup_in({{"user", "u"}})));
  EXPECT_TRUE(policy->check(Api::kTrace, lookup_in({})));
  EXPECT_TRUE(policy->is_key("ADMIN"));
  EXPECT_FALSE(policy->is_key("admi"));
}

TEST(AccessPolicyTest, TheValueMustBeEqualInEveryCharacter) {
  const auto policy = AccessPolicy::parse({"trace:key=Value"});
  ASSERT_TRUE(policy);
  for (const char* given : {"", "V", "value", "Valuf", "xalue", "Value ", "ValueValue"}) {
    EXPECT_FALSE(policy->check(Api::kTrace, lookup_in({{"key", given}}))) << given;
  }
  EXPECT_TRUE(policy->check(Api::kTrace, lookup_in({{"key", "Value"}})));
}

TEST(AccessPolicyTest, TheFirstColonAndTheFirstEqualsSignSplit) {
  const auto policy = AccessPolicy::parse({"trace:key=a=b:c="});
  ASSERT_TRUE(policy);
  EXPECT_TRUE(policy->check(Api::kTrace, lookup_in({{"key", "a=b:c="}})));
}

TEST(AccessPolicyTest, GrpcHasItsOwnHeadersAndWords) {
  const auto policy =
      AccessPolicy::parse({"model-repository,trace:Admin-Key=s3cret=:"}, Protocol::kGrpc);
  ASSERT_TRUE(policy);
  EXPECT_TRUE(policy->restricts_any());
  EXPECT_FALSE(AccessPolicy().restricts_any());
  const Headers right{{"triton-grpc-protocol-admin-key", "s3cret=:"}};
  EXPECT_TRUE(policy->check(Api::kTrace, lookup_in(right)));
  EXPECT_TRUE(policy->check(Api::kHealth, lookup_in({})));
  const auto refused = policy->check(Api::kTrace, lookup_in({{"admin-key", "s3cret=:"}}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::Code::kUnavailable);
  EXPECT_EQ(refused.error().message,
            "This protocol is restricted, expecting header 'triton-grpc-protocol-admin-key'");
  EXPECT_TRUE(policy->is_key("triton-grpc-protocol-admin-key"));
  EXPECT_FALSE(policy->is_key("admin-key"));
  EXPECT_EQ(grpc_refusal("x:k=v"), "unknown restricted protocol 'x' ");
  EXPECT_EQ(grpc_refusal("health,health:k=v"),
            "restricted protocol 'health' can not be specified in multiple config groups");
  EXPECT_EQ(grpc_refusal("health"),
            "--grpc-restricted-protocol option format is '<config name>:<setting>=<value>'. Got "
            "health");
}

// Whoever configures these would lock everybody out.
TEST(AccessPolicyTest, GrpcRefusesWhatMetadataCannotCarry) {
  EXPECT_EQ(grpc_refusal("health:a b=v"), "restricted protocol key 'a b' is not a metadata name");
  EXPECT_EQ(grpc_refusal("health:a!=v"), "restricted protocol key 'a!' is not a metadata name");
  EXPECT_EQ(grpc_refusal("health:x-bin=v"),
            "restricted protocol key 'x-bin' is not a metadata name");
  EXPECT_EQ(grpc_refusal("health:k=\xC3\xA4"),
            "the value of restricted protocol key 'k' is not a metadata value: it begins or ends "
            "with a blank, or holds a control character or one beyond ASCII");
}

TEST(AccessPolicyTest, RefusesWhatTritonRefuses) {
  EXPECT_EQ(refusal({"unknown:k=v"}), "unknown restricted api 'unknown'");
  EXPECT_EQ(refusal({"health,:k=v"}), "unknown restricted api ''");
  EXPECT_EQ(refusal({"Health:k=v"}), "unknown restricted api 'Health'");
  EXPECT_EQ(refusal({" health:k=v"}), "unknown restricted api ' health'");
  EXPECT_EQ(refusal({"health:k=v", "trace,health:k=v"}),
            "restricted api 'health' can not be specified in multiple config groups");
  EXPECT_EQ(refusal({"health,health:k=v"}),
            "restricted api 'health' can not be specified in multiple config groups");
  for (const char* rule :
       {"", "health", "health:", "health:k", "health:=v", ":k=v", "health:k=", "health=k:v"}) {
    EXPECT_EQ(refusal({rule}),
              "--http-restricted-api option format is '<config name>:<setting>=<value>'. Got " +
                  std::string(rule));
  }
}

TEST(AccessPolicyTest, RefusesSecretsThatNoHeaderCanCarry) {
  EXPECT_EQ(refusal({"health:a b=v"}), "restricted api key 'a b' is not a header name");
  for (const std::string rule : {"health:k= v", "health:k=v\t", "health:k=a\nb"}) {
    EXPECT_NE(refusal({rule}).find("the value of restricted api key 'k' is not a header value"),
              std::string::npos);
  }
  EXPECT_EQ(refusal({"health:k=a b\xc3\xa4"}), "accepted");
}

}  // namespace
}  // namespace tfe::kserve
