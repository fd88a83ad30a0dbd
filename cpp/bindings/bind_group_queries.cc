// GroupQueries: questions of a server's clients that mean all workers of a supervisor.
//
// As dictionaries, of which a worker passes on what it is given:
//
//     {"op": "statistics", "model", "version"}    # "" for all models, -1 for all versions
//     {"op": "index", "ready_only"}
#include <nanobind/nanobind.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>

#include <utility>
#include <variant>

#include "bindings/bind.h"
#include "bindings/bound_calls.h"
#include "bindings/errors.h"
#include "bindings/gil.h"
#include "bindings/text.h"
#include "frontend/taken_calls.h"

namespace nb = nanobind;

namespace tfe::bindings {

namespace {

nb::dict to_dict(const kserve::GroupQuery& query) {
  nb::dict made;
  if (const auto* statistics = std::get_if<kserve::StatisticsQuery>(&query)) {
    made["op"] = "statistics";
    made["model"] = text(statistics->model);
    made["version"] = statistics->version;
  } else {
    made["op"] = "index";
    made["ready_only"] = std::get<kserve::IndexQuery>(query).ready_only;
  }
  return made;
}

kserve::GroupQuery group_query(const nb::dict& from) {
  const auto op = nb::cast<std::string>(from["op"]);
  if (op == "index") return kserve::IndexQuery{nb::cast<bool>(from["ready_only"])};
  if (op != "statistics") fail_argument("'" + op + "' is no question to a group");
  return kserve::StatisticsQuery{bytes_of(from["model"]), nb::cast<std::int64_t>(from["version"])};
}

class BoundGroupQueries : public BoundCalls<frontend::GroupQueries> {
 public:
  using BoundCalls::BoundCalls;

  nb::list take() { return BoundCalls::take(&to_dict); }

  void finish(std::uint64_t id, const nb::bytes& json) {
    BoundCalls::finish(id, base::Result<std::string>(std::string(json.c_str(), json.size())));
  }

  void fail(std::uint64_t id, int code, const std::string& message) {
    BoundCalls::finish(
        id, base::Result<std::string>(base::fail(static_cast<base::Code>(code), message)));
  }

  nb::object answer(const nb::dict& query) {
    const auto wanted = group_query(query);
    const auto json = without_gil([&] { return frontend::answer(calls(), wanted); });
    if (json) return nb::bytes(json->data(), json->size());
    return nb::make_tuple(static_cast<int>(json.error().code), text(json.error().message));
  }
};

}  // namespace

void bind_group_queries(nb::module_& module) {
  using Self = BoundGroupQueries;
  nb::class_<Self>(module, "GroupQueries",
                   "Questions of a server's clients that mean a whole group of servers.")
      .def(nb::init<std::shared_ptr<triton::Server>, std::size_t>(), nb::arg("server"),
           nb::arg("limit"), "From now on at most `limit` questions wait for an answer.")
      .def_prop_ro("fd", &Self::fd, "Readable while take() would give something.")
      .def("take", &Self::take, nb::sig("def take(self) -> list[tuple[int, dict[str, object]]]"),
           "The number of each question that came, and what it is.")
      .def("finish", &Self::finish, nb::arg("id"), nb::arg("json"), "Answer the client.")
      .def("fail", &Self::fail, nb::arg("id"), nb::arg("code"), nb::arg("message"),
           "Answer the client with an error of answer().")
      .def("answer", &Self::answer, nb::arg("query"),
           nb::sig("def answer(self, query: dict[str, object]) -> bytes | tuple[int, str]"),
           "What this server answers: JSON, or code and text of an error.")
      .def("end", &Self::end, "Clients are answered by this server alone again.");
}

}  // namespace tfe::bindings
