// Inferences for a model that cannot answer here, while another process of the port can.
#include <gtest/gtest.h>

#include "http/recording.h"
#include "kserve_http/service_rig.h"

namespace tfe::kserve_http {
namespace {

class HandOverTest : public ::testing::Test {
 protected:
  HandOverTest() : rig({identity("sick"), identity("well")}) {
    rig.core.server->faults().set({{"sick", {"hung", true}}});
  }

  // How the exchange ended; empty: it waits for its body, as usual.
  std::string ending(std::string_view target) {
    Context context = rig.context;
    context.inference = kserve::Inference(rig.core.server, false, [this] { return others; });
    Service service(context);
    http::RecordingExchange exchange;
    exchange.takers = takers;
    http::RequestHead head;
    head.method = "POST";
    head.target = target;
    head.has_body = true;
    exchange.run(service, head);
    EXPECT_EQ(exchange.continues, exchange.ending.empty() ? 1 : 0);
    return exchange.ending;
  }

  Rig rig;
  bool others = true;
  int takers = 1;
};

TEST_F(HandOverTest, EveryKindOfInferenceGoes) {
  for (const std::string path : {"infer", "versions/1/infer", "generate", "generate_stream"}) {
    EXPECT_EQ(ending("/v2/models/sick/" + path), "hand_over") << path;
    EXPECT_EQ(ending("/v2/models/well/" + path), "") << path;
  }
}

TEST_F(HandOverTest, StaysWithoutAnotherServer) {
  others = false;
  EXPECT_EQ(ending("/v2/models/sick/infer"), "");
  others = true;
  takers = 0;
  EXPECT_EQ(ending("/v2/models/sick/infer"), "") << "refused when its body is here";
}

TEST_F(HandOverTest, RestrictionsComeFirst) {
  auto access = kserve::AccessPolicy::parse({"inference:key=secret"});
  ASSERT_TRUE(access.has_value());
  rig.context.access = *std::move(access);
  EXPECT_EQ(ending("/v2/models/sick/infer"), "respond");
}

}  // namespace
}  // namespace tfe::kserve_http
