// The real core for tests: the library and the backends that the build names, model repositories in
// temporary directories, and an observer that remembers.
//
// A test without TRITONFRONTEND_TEST_LIBRARY or TRITONFRONTEND_TEST_BACKENDS fails; it never skips.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "triton/inference.h"
#include "triton/library.h"
#include "triton/options.h"
#include "triton/server.h"

namespace tfe::testing {

// Patience with the core; a test that waits this long has failed.
inline constexpr std::chrono::seconds kPatience{30};

inline std::string require_env(const char* name) {
  const char* value = std::getenv(name);
  if (!value || !*value) throw std::runtime_error(std::string(name) + " is not set");
  return value;
}

template <typename T>
T unwrap(base::Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

inline void check(const base::Status& status) {
  if (!status) throw std::runtime_error(status.error().message);
}

inline std::string make_directory(std::string pattern) {
  if (!::mkdtemp(pattern.data())) throw std::runtime_error("mkdtemp failed");
  return pattern;
}

// Where all directories of this process are: servers that tests share are never deleted, and so
// leave theirs to the end of the process. Not to that of a death test's, which is a copy of it.
class Scratch {
 public:
  static const std::string& path() {
    static const Scratch scratch;
    return scratch.path_;
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

 private:
  Scratch() : path_(make_directory(::testing::TempDir() + "tritonfrontend-XXXXXX")) {}
  ~Scratch() {
    std::error_code ignored;
    if (owner_ == ::getpid()) std::filesystem::remove_all(path_, ignored);
  }
  const std::string path_;
  const ::pid_t owner_ = ::getpid();
};

class TemporaryDirectory {
 public:
  TemporaryDirectory() : path_(make_directory(Scratch::path() + "/XXXXXX")) {}
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

inline std::shared_ptr<const triton::Library> test_library() {
  triton::LibraryLocation location;
  location.library_path = require_env("TRITONFRONTEND_TEST_LIBRARY");
  return unwrap(triton::Library::open(location));
}

inline void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
}

// One tensor in and one out, both of `type` and `dims`, plus whatever `extra` adds.
struct ModelSpec {
  std::string name = {};
  std::string backend = "identity";
  std::string type = "TYPE_FP32";
  std::string dims = "-1";
  int max_batch_size = 0;
  std::string extra = {};
};

inline std::string model_config(const ModelSpec& spec) {
  return "name: \"" + spec.name + "\"\nbackend: \"" + spec.backend +
         "\"\nmax_batch_size: " + std::to_string(spec.max_batch_size) +
         "\ninput [{ name: \"INPUT0\" data_type: " + spec.type + " dims: [" + spec.dims +
         "] }]\noutput [{ name: \"OUTPUT0\" data_type: " + spec.type + " dims: [" + spec.dims +
         "] }]\ninstance_group [{ kind: KIND_CPU count: 1 }]\n" + spec.extra;
}

inline void add_model(const std::string& repository, const ModelSpec& spec) {
  const std::string directory = repository + "/" + spec.name;
  std::filesystem::create_directories(directory + "/1");
  write_file(directory + "/config.pbtxt", model_config(spec));
}

inline triton::ServerOptions test_options(const std::string& repository) {
  triton::ServerOptions options;
  options.model_repositories = {repository};
  options.backend_directory = require_env("TRITONFRONTEND_TEST_BACKENDS");
  options.strict_model_config = true;
  // The thread that polls them makes every exit of a process wait for a second.
  options.cpu_metrics = false;
  return options;
}

// A repository and a server on it. Stopped when it goes, if the test did not stop it.
class TestServer {
 public:
  explicit TestServer(std::initializer_list<ModelSpec> models,
                      void (*adapt)(triton::ServerOptions&) = nullptr) {
    for (const ModelSpec& model : models) add_model(repository_.path(), model);
    triton::ServerOptions options = test_options(repository_.path());
    if (adapt) adapt(options);
    server = unwrap(triton::Server::create(test_library(), options));
  }
  const std::string& repository() const { return repository_.path(); }

 private:
  TemporaryDirectory repository_;

 public:
  std::shared_ptr<triton::Server> server;
};

// What the core delivered, as values; may also keep the responses themselves.
class Recorder : public triton::Observer {
 public:
  struct Item {
    std::optional<base::Error> error;
    bool has_response = false;
    bool final = false;
    std::string text;  // OUTPUT0
  };

  void on_response(std::optional<triton::Response> response, bool final) override {
    Item item;
    item.final = final;
    item.has_response = response.has_value();
    if (response) {
      if (auto status = response->status(); !status) {
        item.error = status.error();
      } else if (response->output_count() > 0) {
        item.text = std::string(base::as_text(unwrap(response->output(0)).data));
      }
    }
    std::lock_guard lock(mutex_);
    items_.push_back(std::move(item));
    if (keep_responses && response) responses.push_back(std::move(*response));
    changed_.notify_all();
  }

  // The items up to the final one.
  std::vector<Item> wait_final() {
    std::unique_lock lock(mutex_);
    const bool done = changed_.wait_for(lock, kPatience,
                                        [this] { return !items_.empty() && items_.back().final; });
    if (!done) throw std::runtime_error("no final response");
    return items_;
  }

  void wait_for_items(std::size_t count) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, kPatience, [&] { return items_.size() >= count; })) {
      throw std::runtime_error("too few responses");
    }
  }

  bool keep_responses = false;
  std::vector<triton::Response> responses;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Item> items_;
};

inline std::string float_bytes(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

// A request for a model of ModelSpec's form; `data` is copied and kept by the request.
inline triton::Request make_request(const std::shared_ptr<triton::Server>& server,
                                    const std::string& model, const std::string& data,
                                    triton::DataType type, const triton::Shape& shape) {
  triton::Request request = unwrap(triton::Request::create(server, model, -1));
  auto owned = std::make_shared<const std::string>(data);
  request.keep(owned);
  check(request.add_input("INPUT0", type, shape));
  check(request.append_input("INPUT0", base::as_bytes(*owned)));
  return request;
}

inline triton::Request make_float_request(const std::shared_ptr<triton::Server>& server,
                                          const std::string& model,
                                          const std::vector<float>& values) {
  return make_request(server, model, float_bytes(values), triton::DataType::kFp32,
                      {static_cast<std::int64_t>(values.size())});
}

}  // namespace tfe::testing
