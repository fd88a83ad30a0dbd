// Request: one inference, built and sent once.
#include <nanobind/nanobind.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/variant.h>
#include <nanobind/stl/vector.h>

#include <optional>

#include "bindings/bind.h"
#include "bindings/errors.h"
#include "bindings/gil.h"
#include "bindings/py_ref.h"
#include "bindings/response_queue.h"
#include "triton/server.h"

namespace nb = nanobind;

namespace tfe::bindings {

namespace {

// Empty once it was sent.
class PyRequest {
 public:
  explicit PyRequest(triton::Request request) : request_(std::move(request)) {}
  PyRequest(PyRequest&& other) noexcept : request_(std::exchange(other.request_, std::nullopt)) {}
  ~PyRequest() {
    if (request_) without_gil([this] { request_.reset(); });
  }

  triton::Request& core() {
    if (!request_) fail_argument("the request was sent already");
    return *request_;
  }

  std::shared_ptr<triton::Cancellation> send(std::shared_ptr<ResponseQueue> queue) {
    collect_dropped();
    triton::Request request = std::move(core());
    request_.reset();
    return unwrap(without_gil([&] { return std::move(request).send(std::move(queue)); }));
  }

 private:
  std::optional<triton::Request> request_;
};

PyRequest create(std::shared_ptr<triton::Server> server, const std::string& model,
                 std::int64_t version) {
  return PyRequest(
      unwrap(without_gil([&] { return triton::Request::create(server, model, version); })));
}

void add_input(PyRequest& self, const std::string& name, int datatype,
               const std::vector<std::int64_t>& shape) {
  unwrap(self.core().add_input(name, static_cast<triton::DataType>(datatype), shape));
}

void append_input(PyRequest& self, const std::string& name, std::uintptr_t address,
                  std::size_t size, int memory_type, std::int64_t memory_id, nb::handle owner) {
  triton::Request& request = self.core();
  const base::Bytes data(reinterpret_cast<const std::byte*>(address), size);
  unwrap(
      request.append_input(name, data, {static_cast<triton::MemoryType>(memory_type), memory_id}));
  request.keep(owner_of(owner));
}

void set_parameter(PyRequest& self, std::string name, triton::ParameterValue value) {
  unwrap(self.core().set_parameter({std::move(name), std::move(value)}));
}

void set_correlation_id(PyRequest& self, const std::variant<std::uint64_t, std::string>& id) {
  unwrap(std::visit([&](const auto& value) { return self.core().set_correlation_id(value); }, id));
}

template <typename Value, base::Status (triton::Request::*kSetter)(Value)>
void set(PyRequest& self, Value value) {
  unwrap((self.core().*kSetter)(value));
}

}  // namespace

void bind_request(nb::module_& m) {
  using triton::Request;
  nb::class_<triton::Cancellation>(m, "Cancellation").def("cancel", [](triton::Cancellation& self) {
    without_gil([&] { self.cancel(); });
  });

  nb::class_<PyRequest>(m, "Request")
      .def_static("create", create, nb::arg("server"), nb::arg("model"), nb::arg("version"))
      .def("set_id", set<const std::string&, &Request::set_id>)
      .def("set_flags", set<std::uint32_t, &Request::set_flags>)
      .def("set_correlation_id", set_correlation_id)
      .def("set_priority", set<std::uint64_t, &Request::set_priority>)
      .def("set_timeout_us", set<std::uint64_t, &Request::set_timeout_us>)
      .def("set_parameter", set_parameter, nb::arg("name"), nb::arg("value"))
      .def("add_input", add_input, nb::arg("name"), nb::arg("datatype"), nb::arg("shape"))
      .def("append_input", append_input, nb::arg("name"), nb::arg("address"), nb::arg("size"),
           nb::arg("memory_type"), nb::arg("memory_id"), nb::arg("owner"),
           "Not copied; `owner` is kept until the core has released the request.")
      .def("send", &PyRequest::send, nb::arg("queue"), "Hands the request to the core.");
}

}  // namespace tfe::bindings
