#include "http/router.h"

#include <algorithm>
#include <initializer_list>

#include "http/percent.h"

namespace tfe::http {
namespace {

// Takes the prefix off and says whether it was there.
bool take(std::string_view& path, std::string_view prefix) {
  if (!path.starts_with(prefix)) return false;
  path.remove_prefix(prefix.size());
  return true;
}

// Up to the next '/', which stays. Empty if there is nothing before it.
std::string_view take_segment(std::string_view& path) {
  const std::string_view segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

bool is_digits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Route only(Endpoint endpoint) {
  Route route;
  route.endpoint = endpoint;
  return route;
}

struct Verb {
  std::string_view suffix;
  Endpoint endpoint;
};

Endpoint find_verb(std::string_view suffix, std::initializer_list<Verb> verbs) {
  for (const Verb& verb : verbs) {
    if (verb.suffix == suffix) return verb.endpoint;
  }
  return Endpoint::kUnknown;
}

// After "/v2/models/". The statistics of all models win over a model of the name "stats".
Route route_model(std::string_view path) {
  if (path == "stats") return only(Endpoint::kModelStatistics);
  Route route;
  const std::string_view model = take_segment(path);
  if (model.empty()) return {};
  if (take(path, "/versions/")) {
    route.version = take_segment(path);
    if (!is_digits(route.version)) return {};
  }
  route.endpoint = find_verb(path, {{"/infer", Endpoint::kInfer},
                                    {"", Endpoint::kModelMetadata},
                                    {"/ready", Endpoint::kModelReady},
                                    {"/config", Endpoint::kModelConfig},
                                    {"/stats", Endpoint::kModelStatistics},
                                    {"/generate", Endpoint::kGenerate},
                                    {"/generate_stream", Endpoint::kGenerateStream}});
  // Trace settings are those of a model, whichever version.
  if (route.version.empty() && path == "/trace/setting") route.endpoint = Endpoint::kTraceSetting;
  if (route.endpoint == Endpoint::kUnknown) return {};
  route.model = Name(model);
  return route;
}

// index | models/<model>/(load|unload)
Route match_repository(std::string_view path) {
  if (path == "index") return only(Endpoint::kRepositoryIndex);
  if (!take(path, "models/")) return {};
  const std::string_view model = take_segment(path);
  Route route;
  route.endpoint = find_verb(
      path, {{"/load", Endpoint::kRepositoryLoad}, {"/unload", Endpoint::kRepositoryUnload}});
  if (model.empty() || route.endpoint == Endpoint::kUnknown) return {};
  route.model = Name(model);
  return route;
}

// After "/v2/repository/". A repository may have any name, also "index" and "models", so the form
// without one is tried first.
Route route_repository(std::string_view path) {
  Route route = match_repository(path);
  if (route.endpoint != Endpoint::kUnknown) return route;
  const std::string_view repository = take_segment(path);
  if (repository.empty() || !take(path, "/")) return {};
  route = match_repository(path);
  if (route.endpoint != Endpoint::kUnknown) route.repository = Name(repository);
  return route;
}

// [/region/<name>]/(status|register|unregister), after "/v2/systemsharedmemory" and the like.
Route route_memory(std::string_view path, std::initializer_list<Verb> verbs) {
  Route route;
  if (take(path, "/region/")) {
    const std::string_view region = take_segment(path);
    if (region.empty()) return {};
    route.region = Name(region);
  }
  route.endpoint = find_verb(path, verbs);
  return route;
}

Route route_system_memory(std::string_view path) {
  return route_memory(path, {{"/status", Endpoint::kSystemMemoryStatus},
                             {"/register", Endpoint::kSystemMemoryRegister},
                             {"/unregister", Endpoint::kSystemMemoryUnregister}});
}

Route route_cuda_memory(std::string_view path) {
  return route_memory(path, {{"/status", Endpoint::kCudaMemoryStatus},
                             {"/register", Endpoint::kCudaMemoryRegister},
                             {"/unregister", Endpoint::kCudaMemoryUnregister}});
}

}  // namespace

Name::Name(std::string_view segment) : raw_(segment) {
  if (segment.find('%') == std::string_view::npos) return;
  // What cannot be decoded is taken literally, like every other unknown name.
  percent_decode(segment, decoded_);
}

std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

Route route(std::string_view target) {
  std::string_view path = path_of(target);
  if (!take(path, "/v2")) return {};
  if (path.empty()) return only(Endpoint::kServerMetadata);
  if (take(path, "/models/")) return route_model(path);
  if (take(path, "/repository/")) return route_repository(path);
  if (path == "/health/live") return only(Endpoint::kServerLive);
  if (path == "/health/ready") return only(Endpoint::kServerReady);
  if (take(path, "/systemsharedmemory")) return route_system_memory(path);
  if (take(path, "/cudasharedmemory")) return route_cuda_memory(path);
  if (path == "/logging") return only(Endpoint::kLogging);
  if (path == "/trace/setting") return only(Endpoint::kTraceSetting);
  return {};
}

}  // namespace tfe::http
