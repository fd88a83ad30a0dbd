// Replication: the control calls of a server's clients, for a supervisor to make on all workers.
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>

#include "bindings/bind.h"
#include "bindings/bound_calls.h"
#include "bindings/control_calls.h"
#include "bindings/errors.h"
#include "bindings/gil.h"
#include "frontend/taken_calls.h"

namespace nb = nanobind;

namespace tfe::bindings {
namespace {

// Code and text of an error, or nothing. The code means something to finish() only.
using Outcome = std::optional<std::pair<int, std::string>>;

kserve::Origin origin_of(const std::string& name) {
  if (name == "client") return kserve::Origin::kClient;
  if (name == "repeated") return kserve::Origin::kRepeated;
  if (name == "replay") return kserve::Origin::kReplay;
  fail_argument("origin: expected client, repeated or replay, got '" + name + "'");
}

class BoundReplication : public BoundCalls<frontend::Replication> {
 public:
  using BoundCalls::BoundCalls;

  nb::list take() {
    return BoundCalls::take([](const kserve::ControlCall& call) { return to_dict(call); });
  }

  void finish(std::uint64_t id, const Outcome& outcome) {
    base::Status status;
    if (outcome) status = base::fail(static_cast<base::Code>(outcome->first), outcome->second);
    BoundCalls::finish(id, std::move(status));
  }

  Outcome apply(const nb::dict& call, const std::string& origin_name) {
    const auto wanted = control_call(call);
    const auto origin = origin_of(origin_name);
    const auto status = without_gil([&] { return frontend::apply(calls(), wanted, origin); });
    if (status) return std::nullopt;
    return std::pair(static_cast<int>(status.error().code), status.error().message);
  }

  bool loaded(const std::string& model) {
    return without_gil([&] { return frontend::loaded(calls(), model); });
  }

  nb::dict log_settings() { return to_dict(frontend::log_settings(calls())); }
};

}  // namespace

void bind_replication(nb::module_& module) {
  using Self = BoundReplication;
  nb::class_<Self>(module, "Replication",
                   "Changes that clients of a server ask for; somebody else makes them.")
      .def(nb::init<std::shared_ptr<triton::Server>, std::size_t>(), nb::arg("server"),
           nb::arg("limit"), "From now on at most `limit` calls wait for finish().")
      .def_prop_ro("fd", &Self::fd, "Readable while take() would give something.")
      .def("take", &Self::take, nb::sig("def take(self) -> list[tuple[int, dict[str, object]]]"),
           "The number of each call that came, and what it is.")
      .def("finish", &Self::finish, nb::arg("id"), nb::arg("outcome").none(),
           "Answer the client: None, or code and text of an error.")
      .def(
          "apply", &Self::apply, nb::arg("call"), nb::arg("origin"),
          nb::sig("def apply(self, call: dict[str, object], origin: str) -> "
                  "tuple[int, str] | None"),
          "Make a change here. None, or code and text of the error. `origin`: a \"client\" of this "
          "server, \"repeated\" of another's, or a \"replay\" before this one serves.")
      .def("loaded", &Self::loaded, nb::arg("model"))
      .def("log_settings", &Self::log_settings,
           nb::sig("def log_settings(self) -> dict[str, object]"))
      .def("end", &Self::end, "Clients' calls are carried out at once again.");
}

}  // namespace tfe::bindings
