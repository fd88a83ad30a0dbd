#include "cloud/model_location.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "triton/core_fixture.h"

namespace tfe::cloud {
namespace {

namespace fs = std::filesystem;
using testing::write_file;

constexpr const char* kEnsemble = "platform: \"ensemble\"";

// <root>/h1/model is the url of every test.
class Locate : public ::testing::Test {
 protected:
  Locate() : root_(fs::canonical(directory_.path()) / "models"), url_(root_ / "h1" / "model") {
    fs::create_directories(url_);
  }

  void add_folder(const fs::path& name, const char* config = nullptr) {
    fs::create_directories(url_ / name);
    if (config != nullptr) write_file(url_ / name / "config.pbtxt", config);
  }
  base::Result<ModelLocation> locate(const fs::path& url) { return locate_model(root_, url); }
  std::string refusal(const fs::path& url) {
    const auto location = locate(url);
    if (location) return "accepted: " + location->repository + " " + location->directory;
    EXPECT_EQ(location.error().code, base::Code::kInvalidArgument);
    return location.error().message;
  }
  std::string bad_url(const fs::path& url) {
    return "Invalid \"url\" '" + url.string() + "': expected a path of the form " + root_.string() +
           "/<hash>/model[/<subdir>]";
  }

  testing::TemporaryDirectory directory_;
  fs::path root_;
  fs::path url_;
};

TEST_F(Locate, AConfigurationInTheUrlItself) {
  write_file(url_ / "config.pbtxt", "");
  for (const fs::path& url : {url_, url_ / "", url_ / ".." / "model", fs::path(url_) += "//"}) {
    const auto location = locate(url);
    ASSERT_TRUE(location) << location.error().message;
    EXPECT_EQ(location->repository, root_ / "h1");
    EXPECT_EQ(location->directory, "model");
    EXPECT_EQ(location->shown, root_ / "h1");
  }
}

TEST_F(Locate, AUrlThatNoFileCanHave) {
  std::string url = url_.string();
  while (url.size() <= 4096) url += "/.";
  EXPECT_EQ(refusal(url),
            "Invalid \"url\" of " + std::to_string(url.size()) + " bytes: expected at most 4096");
}

TEST_F(Locate, VersionFoldersAreTheModelItself) {
  fs::create_directories(url_ / "1");
  fs::create_directories(url_ / "12");
  const auto location = locate(url_);
  ASSERT_TRUE(location) << location.error().message;
  EXPECT_EQ(location->directory, "model");
}

TEST_F(Locate, TheOnlyFolder) {
  add_folder("net");
  add_folder(".cache", kEnsemble);
  write_file(url_ / "README", "");
  const auto location = locate(url_);
  ASSERT_TRUE(location) << location.error().message;
  EXPECT_EQ(location->repository, url_);
  EXPECT_EQ(location->directory, "net");
  EXPECT_EQ(location->shown, url_);
}

TEST_F(Locate, AFolderBelow) {
  add_folder("sub/net", "");
  const auto location = locate(url_ / "sub");
  ASSERT_TRUE(location) << location.error().message;
  EXPECT_EQ(location->repository, url_ / "sub");
  EXPECT_EQ(location->directory, "net");
}

TEST_F(Locate, TheEnsembleAmongItsModels) {
  add_folder("a", "");
  add_folder("m", kEnsemble);
  add_folder("z", "");
  const auto location = locate(url_);
  ASSERT_TRUE(location) << location.error().message;
  EXPECT_EQ(location->directory, "m");
}

TEST_F(Locate, SeveralFoldersAreNamed) {
  add_folder("b", "");
  add_folder("a");
  EXPECT_EQ(refusal(url_), "Invalid \"url\" '" + url_.string() +
                               "': expected one model or one ensemble, found the models 'a', 'b'");
  add_folder("e2", kEnsemble);
  add_folder("e1", kEnsemble);
  EXPECT_EQ(refusal(url_),
            "Invalid \"url\" '" + url_.string() +
                "': expected one model or one ensemble, found the ensembles 'e1', 'e2'");
}

TEST_F(Locate, AnEmptyFolder) {
  EXPECT_EQ(refusal(url_), "Invalid \"url\" '" + url_.string() +
                               "': there is no config.pbtxt and no model folder");
}

TEST_F(Locate, WhatDoesNotExist) {
  EXPECT_EQ(refusal(root_ / "h2" / "model"),
            "failed to register '" + (root_ / "h2" / "model").string() + "', repository not found");
  EXPECT_EQ(refusal(url_ / std::string(5000, 'x')).substr(0, 18), "Invalid \"url\" of 5");
}

TEST_F(Locate, PathsOfAnotherForm) {
  for (const fs::path& url :
       {fs::path(""), fs::path("/"), fs::path("."), fs::path("models/h1/model"), root_,
        root_ / "h1", root_ / "h1" / "other", root_ / "h 1" / "model", root_ / "h-1" / "model",
        root_ / ".." / "h1" / "model", root_ / "h1" / "model" / ".." / ".." / "..",
        url_ / ".." / "..", fs::path("/dev/null"), fs::path("/proc/self/root" + url_.string()),
        fs::path("/sys"), fs::path(root_) += "x/h1/model"}) {
    EXPECT_EQ(refusal(url), bad_url(url)) << url;
  }
  EXPECT_EQ(locate_model(root_, url_.string() + std::string("\0x", 2)).error().message,
            bad_url(url_));
}

TEST_F(Locate, AFileIsNoFolder) {
  write_file(url_ / "file", "");
  EXPECT_EQ(refusal(url_ / "file"), bad_url(url_ / "file"));
}

TEST_F(Locate, LinksOutOfTheRootAreRefused) {
  const fs::path outside = fs::path(directory_.path()) / "outside";
  fs::create_directories(outside / "net");
  write_file(outside / "config.pbtxt", kEnsemble);
  fs::create_directory_symlink(outside, url_ / "link");
  EXPECT_EQ(refusal(url_ / "link"), bad_url(url_ / "link"));
  EXPECT_EQ(refusal(url_ / "link" / "net"), bad_url(url_ / "link" / "net"));
  // As a model's folder it does not count, and its configuration is not read.
  EXPECT_EQ(refusal(url_), "Invalid \"url\" '" + url_.string() +
                               "': there is no config.pbtxt and no model folder");
  add_folder("net");
  fs::create_symlink(outside / "config.pbtxt", url_ / "net" / "config.pbtxt");
  add_folder("other");
  EXPECT_NE(refusal(url_).find("found the models 'net', 'other'"), std::string::npos);
}

TEST_F(Locate, LinksToTheKernelsFilesAreRefused) {
  fs::create_directories(root_ / "h3");
  fs::create_directory_symlink("/proc/self", root_ / "h3" / "model");
  EXPECT_EQ(refusal(root_ / "h3" / "model"), bad_url(root_ / "h3" / "model"));
}

TEST_F(Locate, LinksWithinTheRootAreFollowed) {
  add_folder("net", "");
  fs::create_directories(root_ / "h4");
  fs::create_directory_symlink(url_, root_ / "h4" / "model");
  const auto location = locate(root_ / "h4" / "model");
  ASSERT_TRUE(location) << location.error().message;
  EXPECT_EQ(location->repository, url_);
  EXPECT_EQ(location->directory, "net");
  EXPECT_EQ(location->shown, root_ / "h4" / "model");
}

TEST_F(Locate, AMissingRootRefusesEverything) {
  EXPECT_FALSE(locate_model(root_ / "nowhere", url_));
  EXPECT_FALSE(locate_model(root_ / "nowhere", root_ / "nowhere" / "h" / "model"));
}

}  // namespace
}  // namespace tfe::cloud
