// Server: one inference server of the core. JSON comes as text; the Python classes parse it.
#include <nanobind/nanobind.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/variant.h>
#include <nanobind/stl/vector.h>

#include "bindings/bind.h"
#include "bindings/errors.h"
#include "bindings/gil.h"
#include "bindings/library_ptr.h"
#include "bindings/py_ref.h"
#include "triton/library.h"
#include "triton/options.h"
#include "triton/server.h"

namespace nb = nanobind;

namespace tfe::bindings {

namespace {

using triton::Server;
using ServerPtr = std::shared_ptr<Server>;
using Mapping = std::vector<std::pair<std::string, std::string>>;

// Deleting the last reference stops the server, which can take seconds and waits for threads that
// may want the GIL. Python therefore holds a pointer whose deleter gives the GIL up; it runs when
// the Python object is deallocated. Other owners get the pointer behind it (shared_from_this).
ServerPtr for_python(ServerPtr server) {
  Server* pointer = server.get();
  return {pointer,
          [server = std::move(server)](Server*) mutable { without_gil([&] { server.reset(); }); }};
}

ServerPtr create(const triton::Library& library, const triton::ServerOptions& options) {
  return for_python(unwrap(without_gil([&] { return Server::create(shared(library), options); })));
}

ServerPtr adopt(const triton::Library& library, std::uintptr_t address) {
  return for_python(unwrap(without_gil([&] { return Server::adopt(shared(library), address); })));
}

// Wraps a method so that it runs without the GIL and its error is thrown.
template <auto kMethod, typename... Args>
auto call(Server& self, const Args&... args) {
  collect_dropped();
  return unwrap(without_gil([&] { return (self.*kMethod)(args...); }));
}

// bytes are the content of a file override ("file:<path>").
triton::LoadParameter load_parameter(nb::handle item) {
  const auto pair = nb::cast<nb::tuple>(item);
  triton::LoadParameter parameter;
  parameter.name = nb::cast<std::string>(pair[0]);
  const nb::object value = pair[1];
  parameter.bytes = PyBytes_Check(value.ptr()) != 0;
  if (parameter.bytes) {
    const auto bytes = nb::borrow<nb::bytes>(value);
    parameter.value = std::string(bytes.c_str(), bytes.size());
  } else {
    parameter.value = nb::cast<triton::ParameterValue>(value);
  }
  return parameter;
}

void load_model(Server& self, const std::string& name, const nb::list& parameters) {
  std::vector<triton::LoadParameter> converted;
  for (nb::handle item : parameters) converted.push_back(load_parameter(item));
  unwrap(without_gil([&] { return self.load_model(name, converted); }));
}

void register_repository(Server& self, const std::string& path, const Mapping& mapping) {
  unwrap(without_gil([&] { return self.register_repository(path, mapping); }));
}

nb::tuple model_traits(Server& self, const std::string& name, std::int64_t version) {
  const triton::ModelTraits traits =
      unwrap(without_gil([&] { return self.model_traits(name, version); }));
  return nb::make_tuple(traits.decoupled, traits.batches_first_dim);
}

nb::list model_activity(Server& self) {
  const auto models = without_gil([&] { return self.activity().busy(); });
  nb::list result;
  const auto seconds = [](base::Duration age) {
    return std::chrono::duration<double>(age).count();
  };
  for (const auto& model : models) {
    result.append(
        nb::make_tuple(model.model, model.in_flight, seconds(model.oldest), seconds(model.silent)));
  }
  return result;
}

nb::list bucket_list(const triton::Outcomes::Buckets& counts) {
  nb::list buckets;
  for (const auto count : counts) buckets.append(count);
  return buckets;
}

nb::tuple outcomes(Server& self) {
  const auto counts = self.outcomes().counts();
  return nb::make_tuple(counts.failed, bucket_list(counts.succeeded));
}

nb::dict model_answers(Server& self) {
  const auto models = without_gil([&] { return self.activity().answered(); });
  nb::dict result;
  for (const auto& [model, counts] : models) result[nb::str(model.c_str())] = bucket_list(counts);
  return result;
}

nb::list outcome_bounds() {
  nb::list bounds;
  for (std::size_t i = 0; i < triton::Outcomes::kBuckets; ++i) {
    bounds.append(std::chrono::duration<double>(triton::Outcomes::bound(i)).count());
  }
  return bounds;
}

void set_model_faults(Server& self, const std::map<std::string, std::string>& broken,
                      const std::map<std::string, std::string>& stuck) {
  triton::ModelFaults::ByModel faults;
  for (const auto& [model, text] : broken) faults.try_emplace(model, text, false);
  for (const auto& [model, text] : stuck) faults.try_emplace(model, text, true);
  without_gil([&] { self.faults().set(std::move(faults)); });
}

void bind_queries(nb::class_<Server>& server) {
  const auto name = nb::arg("name");
  const auto version = nb::arg("version");
  server.def("live", call<&Server::live>)
      .def("ready", call<&Server::ready>)
      .def("model_ready", call<&Server::model_ready, std::string, std::int64_t>, name, version)
      .def("metadata", call<&Server::metadata>)
      .def("model_metadata", call<&Server::model_metadata, std::string, std::int64_t>, name,
           version)
      .def("model_config", call<&Server::model_config, std::string, std::int64_t, std::uint32_t>,
           name, version, nb::arg("config_version"))
      .def("model_index", call<&Server::model_index, bool>, nb::arg("ready_only"))
      .def("model_statistics", call<&Server::model_statistics, std::string, std::int64_t>, name,
           version)
      .def("model_traits", model_traits, name, version,
           nb::sig("def model_traits(self, name: str, version: int) -> tuple[bool, bool]"),
           "Whether it is decoupled, and whether the first dimension is the batch.")
      .def("metrics", call<&Server::metrics>)
      .def("model_activity", model_activity,
           nb::sig("def model_activity(self) -> list[tuple[str, int, float, float]]"),
           "Of each model with something in flight: name, how many, the oldest one's age, and how "
           "long none has been answered (seconds).")
      .def(
          "model_answers", model_answers,
          nb::sig("def model_answers(self) -> dict[str, list[int]]"),
          "By model that has answered anything: how many inferences took how long, in buckets; see "
          "outcome_bounds.")
      .def("outcomes", outcomes, nb::sig("def outcomes(self) -> tuple[int, list[int]]"),
           "Of all inferences so far: how many failed, and how many others took how long, in "
           "buckets; see outcome_bounds.")
      .def_static("outcome_bounds", outcome_bounds, nb::sig("def outcome_bounds() -> list[float]"),
                  "What the durations of each bucket of outcomes() are below, in seconds.");
}

void bind_control(nb::class_<Server>& server) {
  server.def("stop", call<&Server::stop>)
      .def("set_model_faults", set_model_faults, nb::arg("broken"), nb::arg("stuck"),
           nb::sig("def set_model_faults(self, broken: dict[str, str], stuck: dict[str, str]) -> "
                   "None"),
           "By model, what is wrong with it although the core says ready; what is stuck may answer "
           "yet. Replaces the last ones.")
      .def("load_model", load_model, nb::arg("name"), nb::arg("parameters"),
           nb::sig("def load_model(self, name: str, "
                   "parameters: list[tuple[str, bool | int | float | str | bytes]]) -> None"))
      .def("unload_model", call<&Server::unload_model, std::string, bool>, nb::arg("name"),
           nb::arg("dependents"))
      .def("register_repository", register_repository, nb::arg("path"), nb::arg("mapping"))
      .def("unregister_repository", call<&Server::unregister_repository, std::string>,
           nb::arg("path"))
      .def("poll_repository", call<&Server::poll_repository>)
      .def("refuse_client_control", &Server::refuse_client_control,
           "From now on clients of the frontends cannot load and unload.");
}

}  // namespace

void bind_server(nb::module_& m) {
  nb::class_<Server> server(m, "Server", "A TRITONSERVER_Server; deleted with its last holder.");
  server.def_static("create", create, nb::arg("library"), nb::arg("options"))
      .def_static("adopt", adopt, nb::arg("library"), nb::arg("address"),
                  "A server that somebody else made and will delete.")
      .def_prop_ro("address", &Server::address)
      .def("lend_address", &Server::lend_address,
           "As `address`, for code that counts no reference: the server is never deleted any more.")
      .def_prop_ro("stopped", &Server::stopped);
  bind_queries(server);
  bind_control(server);
}

}  // namespace tfe::bindings
