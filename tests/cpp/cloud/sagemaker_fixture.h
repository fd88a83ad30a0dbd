// The SageMaker endpoints on the real core, called without a protocol.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cloud/sagemaker.h"
#include "kserve_http/test_client.h"
#include "triton/core_fixture.h"

namespace tfe::cloud {

namespace fs = std::filesystem;
using kserve_http::TestCall;
using kserve_http::TestResponse;
using testing::ModelSpec;
using testing::TestServer;

inline constexpr const char* kTarget = "X-Amzn-SageMaker-Target-Model";

inline void explicit_control(triton::ServerOptions& options) {
  options.model_control_mode = triton::ModelControlMode::kExplicit;
}

class SageMakerTest : public ::testing::Test {
 protected:
  SageMakerTest()
      : core_({}, explicit_control), root_(fs::canonical(directory_.path()) / "models") {
    fs::create_directories(root_);
    make({});
  }

  void make(SageMakerOptions options) {
    options.models_root = root_;
    options.log = [this](const std::string& line) { logged_ += line + "\n"; };
    handler_.emplace(kserve_http::Context{core_.server, kserve::Inference(core_.server), executor_,
                                          kserve_http::Options{}, access_},
                     options);
  }

  // <root>/<hash>/model is the folder of one model.
  std::string url(const std::string& hash) const { return root_ / hash / "model"; }
  void add(const std::string& hash, ModelSpec spec = {}) {
    fs::create_directories(url(hash) + "/1");
    testing::write_file(url(hash) + "/config.pbtxt", testing::model_config(spec));
  }

  TestResponse call(std::string method, std::string target, std::string body = {},
                    std::vector<http::HeaderView> headers = {}) {
    return kserve_http::call(
        *handler_, {std::move(method), std::move(target), std::move(body), std::move(headers)});
  }
  TestResponse load(const std::string& hash, std::vector<http::HeaderView> headers = {}) {
    return call("POST", "/models", load_body(hash), std::move(headers));
  }
  std::string load_body(const std::string& hash) const {
    return R"({"model_name":")" + hash + R"(","url":")" + url(hash) + "\"}";
  }
  static std::string infer_body(const std::string& parameters = "{}") {
    return R"({"parameters":)" + parameters +
           R"(,"inputs":[{"name":"INPUT0","datatype":"FP32","shape":[2],"data":[1,2]}]})";
  }

  testing::TemporaryDirectory directory_;
  TestServer core_;
  kserve::Executor executor_{2, 100};
  kserve::AccessPolicy access_;
  fs::path root_;
  std::string logged_;
  std::optional<SageMaker> handler_;
};

// Parameters of an inference that ends when its client is gone.
inline constexpr const char* kEndless = R"({"delay_ms":600000})";

}  // namespace tfe::cloud
