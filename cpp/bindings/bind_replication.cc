// Replication: the control calls of a server's clients, for a supervisor to make on all workers.
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>

#include "bindings/bind.h"
#include "bindings/control_calls.h"
#include "bindings/errors.h"
#include "bindings/gil.h"
#include "frontend/replication.h"

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

class BoundReplication {
 public:
  BoundReplication(std::shared_ptr<triton::Server> server, std::size_t limit)
      : replication_(unwrap(frontend::Replication::begin(std::move(server), limit))) {}

  BoundReplication(const BoundReplication&) = delete;
  BoundReplication& operator=(const BoundReplication&) = delete;
  // The last reference to a server stops it, which can wait for threads that want the GIL.
  ~BoundReplication() {
    without_gil([this] { replication_.reset(); });
  }

  int fd() const { return replication_->fd(); }
  void end() { replication_->end(); }

  nb::list take() {
    nb::list result;
    for (const auto& waiting : without_gil([this] { return replication_->take(); })) {
      result.append(nb::make_tuple(waiting.id, to_dict(waiting.call)));
    }
    return result;
  }

  // What the client waits for goes on here: without the GIL.
  void finish(std::uint64_t id, const Outcome& outcome) {
    base::Status status;
    if (outcome) status = base::fail(static_cast<base::Code>(outcome->first), outcome->second);
    without_gil([&] { replication_->finish(id, std::move(status)); });
  }

  Outcome apply(const nb::dict& call, const std::string& origin_name) {
    const auto wanted = control_call(call);
    const auto origin = origin_of(origin_name);
    const auto status = without_gil([&] { return replication_->apply(wanted, origin); });
    if (status) return std::nullopt;
    return std::pair(static_cast<int>(status.error().code), status.error().message);
  }

  bool loaded(const std::string& model) {
    return without_gil([&] { return replication_->loaded(model); });
  }

  nb::dict log_settings() { return to_dict(replication_->log_settings()); }

 private:
  std::optional<frontend::Replication> replication_;
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
