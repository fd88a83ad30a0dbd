// The service on the real core, called without a protocol.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kserve_http/metrics_handler.h"
#include "kserve_http/service.h"
#include "kserve_http/test_client.h"
#include "triton/core_fixture.h"

namespace tfe::kserve_http {

using testing::ModelSpec;
using testing::TestServer;

class Rig {
 public:
  explicit Rig(std::initializer_list<ModelSpec> models, Options options = {},
               void (*adapt)(triton::ServerOptions&) = nullptr)
      : core(models, adapt),
        context{core.server, kserve::Inference(core.server, options.allow_client_shm), executor,
                options},
        service(context),
        metrics(context) {}

  TestResponse get(std::string target) { return call(service, {"GET", std::move(target)}); }
  TestResponse post(std::string target, std::string body,
                    std::vector<http::HeaderView> headers = {}) {
    return call(service, {"POST", std::move(target), std::move(body), std::move(headers)});
  }

  TestServer core;
  kserve::Executor executor{2, 100};
  Context context;
  Service service;
  MetricsHandler metrics;
};

inline ModelSpec identity(std::string name, std::string type = "TYPE_FP32") {
  ModelSpec spec;
  spec.name = std::move(name);
  spec.type = std::move(type);
  return spec;
}

inline void explicit_control(triton::ServerOptions& options) {
  options.model_control_mode = triton::ModelControlMode::kExplicit;
}

inline std::string infer_body(std::string_view type, std::string_view shape,
                              std::string_view data) {
  return R"({"id":"7","inputs":[{"name":"INPUT0","datatype":")" + std::string(type) +
         R"(","shape":)" + std::string(shape) + R"(,"data":)" + std::string(data) + "}]}";
}

#define EXPECT_ANSWER(actual, expected_status, expected_body) \
  do {                                                        \
    const TestResponse answer_ = (actual);                    \
    EXPECT_EQ(answer_.status, expected_status);               \
    EXPECT_EQ(answer_.body, expected_body);                   \
  } while (false)

}  // namespace tfe::kserve_http
