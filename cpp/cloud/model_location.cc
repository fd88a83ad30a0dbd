#include "cloud/model_location.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>
#include <vector>

#include "cloud/ensemble_config.h"

namespace tfe::cloud {
namespace {

namespace fs = std::filesystem;
using base::Code;

constexpr std::string_view kConfig = "config.pbtxt";
// PATH_MAX: the system opens nothing longer, and a path of a million components takes a hundred
// times its length of memory.
constexpr std::size_t kLongestUrl = 4096;
// Far above any configuration; what describes an ensemble is not hidden behind more than that.
constexpr std::size_t kLargestConfig = 1 << 20;
// Folders with another number of models in them are no unpacked archive.
constexpr std::size_t kMostFolders = 1000;

std::unexpected<base::Error> bad_url(const std::string& root, const std::string& url) {
  return base::fail(Code::kInvalidArgument, "Invalid \"url\" '" + url +
                                                "': expected a path of the form " + root +
                                                "/<hash>/model[/<subdir>]");
}

bool is_hash(const std::string& text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' ||
           c == '_';
  });
}

// Without a trailing slash, which would be an empty last component.
fs::path normal(const std::string& text) {
  const fs::path path = fs::path(text).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

// What is left of `path` behind `root`, or nothing.
fs::path below(const fs::path& root, const fs::path& path) {
  auto [in_root, in_path] = std::mismatch(root.begin(), root.end(), path.begin(), path.end());
  if (in_root != root.end()) return {};
  fs::path rest;
  for (; in_path != path.end(); ++in_path) rest /= *in_path;
  return rest;
}

bool has_form(const fs::path& root, const fs::path& path) {
  const fs::path rest = below(root, path);
  auto component = rest.begin();
  if (component == rest.end() || !is_hash(component->string())) return false;
  return ++component != rest.end() && *component == "model";
}

// Device files and the kernel's own are no models, whatever links to them and wherever the root is.
bool is_special(const fs::path& real) {
  auto component = ++real.begin();
  return component == real.end() || *component == "dev" || *component == "proc" ||
         *component == "sys";
}

// Real paths below the root's real path.
class Jail {
 public:
  explicit Jail(const fs::path& root) {
    std::error_code error;
    root_ = fs::canonical(root, error);
  }

  // Empty if the path does not exist, and if it leads elsewhere.
  fs::path enter(const fs::path& path) const {
    std::error_code error;
    fs::path real = fs::canonical(path, error);
    if (error || root_.empty() || is_special(real) || below(root_, real).empty()) return {};
    return real;
  }

 private:
  fs::path root_;
};

bool has_config(const Jail& jail, const fs::path& directory) {
  std::error_code error;
  const fs::path config = jail.enter(directory / kConfig);
  return !config.empty() && fs::is_regular_file(config, error);
}

bool is_ensemble(const Jail& jail, const fs::path& directory) {
  if (!has_config(jail, directory)) return false;
  std::ifstream file(jail.enter(directory / kConfig), std::ios::binary);
  std::string text(kLargestConfig, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  return is_ensemble_config(text);
}

// The folders in a folder, sorted, so that messages do not depend on the file system.
std::vector<fs::path> folders(const Jail& jail, const fs::path& directory) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error);
       !error && entry != fs::directory_iterator() && found.size() < kMostFolders;
       entry.increment(error)) {
    std::error_code ignored;
    const bool hidden = entry->path().filename().string().starts_with('.');
    const fs::path real = jail.enter(entry->path());
    if (!hidden && !real.empty() && fs::is_directory(real, ignored)) found.push_back(entry->path());
  }
  std::ranges::sort(found);
  return found;
}

bool is_version(const Jail& jail, const fs::path& folder) {
  const std::string name = folder.filename().string();
  return std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; }) &&
         !has_config(jail, folder);
}

// The model's folder: one of those in `directory`, or `directory` itself.
base::Result<fs::path> choose(const Jail& jail, const std::string& url, const fs::path& directory) {
  if (has_config(jail, directory)) return directory;
  const std::vector<fs::path> all = folders(jail, directory);
  const auto is_one = [&](const fs::path& folder) { return is_version(jail, folder); };
  if (!all.empty() && std::ranges::all_of(all, is_one)) return directory;
  std::vector<fs::path> ensembles;
  std::ranges::copy_if(all, std::back_inserter(ensembles),
                       [&](const fs::path& folder) { return is_ensemble(jail, folder); });
  const std::vector<fs::path>& candidates = ensembles.empty() ? all : ensembles;
  if (candidates.size() == 1) return candidates.front();
  if (candidates.empty()) {
    return base::fail(
        Code::kInvalidArgument,
        "Invalid \"url\" '" + url + "': there is no config.pbtxt and no model folder");
  }
  std::string names;
  for (const fs::path& folder : candidates) {
    names += (names.empty() ? "'" : ", '") + folder.filename().string() + "'";
  }
  return base::fail(Code::kInvalidArgument,
                    "Invalid \"url\" '" + url + "': expected one model or one ensemble, found " +
                        (ensembles.empty() ? "the models " : "the ensembles ") + names);
}

}  // namespace

base::Result<ModelLocation> locate_model(const std::string& root, const std::string& url) {
  if (url.size() > kLongestUrl) {
    return base::fail(Code::kInvalidArgument, "Invalid \"url\" of " + std::to_string(url.size()) +
                                                  " bytes: expected at most " +
                                                  std::to_string(kLongestUrl));
  }
  if (url.find('\0') != url.npos) return bad_url(root, url.substr(0, url.find('\0')));
  const fs::path path = normal(url);
  if (!has_form(normal(root), path)) return bad_url(root, url);
  const Jail jail(root);
  std::error_code error;
  if (!fs::exists(path, error)) {
    return base::fail(Code::kInvalidArgument,
                      "failed to register '" + url + "', repository not found");
  }
  const fs::path real = jail.enter(path);
  if (real.empty() || !fs::is_directory(real, error)) return bad_url(root, url);
  const auto folder = choose(jail, url, real);
  if (!folder) return std::unexpected(folder.error());
  const fs::path shown = *folder == real ? path.parent_path() : path;
  return ModelLocation{folder->parent_path(), folder->filename(), shown};
}

}  // namespace tfe::cloud
