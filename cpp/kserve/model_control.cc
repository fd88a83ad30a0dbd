#include "kserve/model_control.h"

#include <algorithm>

#include "base/text.h"

namespace tfe::kserve {

namespace {

// File overrides are written below a temporary directory by the core, which trusts their names: one
// that the file system cannot hold ends the process with an exception, and one with ".." leaves the
// directory. They are C strings there, so what follows a NUL would be lost without a word.
base::Status check_file_name(const std::string& model, std::string_view parameter) {
  constexpr std::string_view kPrefix = "file:";
  constexpr std::size_t kLongestComponent = 255;  // NAME_MAX of every file system in use
  constexpr std::size_t kLongestPath = 3072;      // PATH_MAX less room for the directory
  std::string_view path = parameter.substr(kPrefix.size());
  if (path.empty() || path.ends_with('/') || path.contains('\0')) {
    return base::fail(base::Code::kInvalidArgument,
                      "invalid parameter '" + std::string(parameter) +
                          "', expected 'file:' and the path of a file in the model's directory");
  }
  bool too_long = path.size() > kLongestPath;
  while (!path.empty()) {
    const std::string_view component = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(component.size() + 1, path.size()));
    too_long = too_long || component.size() > kLongestComponent;
    if (component == "..") {
      return base::fail(base::Code::kInvalidArgument,
                        "invalid parameter '" + std::string(parameter) +
                            "', the path of a file must not leave the model's directory");
    }
  }
  if (!too_long) return {};
  return base::fail(base::Code::kInternal,
                    "failed to load '" + model + "', failed to poll from model repository");
}

base::Status check_parameter(const std::string& model, const triton::LoadParameter& parameter) {
  if (load_parameter_kind(parameter.name) == LoadParameterKind::kFile) {
    return check_file_name(model, parameter.name);
  }
  const auto* text = std::get_if<std::string>(&parameter.value);
  if (!text || !text->contains('\0')) return {};
  return base::fail(base::Code::kInvalidArgument, "invalid parameter '" + parameter.name +
                                                      "', the text must not contain a NUL byte");
}

}  // namespace

base::Result<bool> model_ready(const triton::Server& server, const std::string& name,
                               std::int64_t version) {
  auto ready = server.model_ready(name, version);
  if (ready && *ready) return !server.faults().find(name).has_value();
  if (!ready) return ready;
  // Older cores say no more than that. Why, they say when they are asked for something.
  auto metadata = server.model_metadata(name, version);
  if (!metadata) return std::unexpected(std::move(metadata.error()));
  return false;
}

LoadParameterKind load_parameter_kind(std::string_view name) {
  if (name == "config") return LoadParameterKind::kConfig;
  if (name.starts_with("file:")) return LoadParameterKind::kFile;
  return LoadParameterKind::kUnknown;
}

base::Status check_model_name(const std::string& name) {
  const std::string_view text = base::trim(name);
  if (text.empty()) {
    return base::fail(base::Code::kInvalidArgument,
                      "Model name cannot be empty. Please enter a valid name to deploy.");
  }
  if (text == ".." || text == "." || text.find('/') != std::string_view::npos) {
    return base::fail(
        base::Code::kInvalidArgument,
        "invalid model name '" + name + "', model name must not contain path traversal characters");
  }
  return {};
}

base::Status check_repository_name(std::string_view repository) {
  if (repository.empty()) return {};
  return base::fail(base::Code::kUnsupported, "'repository_name' specification is not supported");
}

base::Status load_model(triton::Server& server, const std::string& name,
                        const std::vector<triton::LoadParameter>& parameters) {
  if (auto status = check_model_name(name); !status) return status;
  for (const triton::LoadParameter& parameter : parameters) {
    if (auto status = check_parameter(name, parameter); !status) return status;
  }
  if (auto status = server.client_control(); !status) return status;
  return server.load_model(name, parameters);
}

base::Status unload_model(triton::Server& server, const std::string& name, bool dependents) {
  if (auto status = server.client_control(); !status) return status;
  return server.unload_model(name, dependents);
}

}  // namespace tfe::kserve
