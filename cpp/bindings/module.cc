// tritonfrontend._native: lists the parts, in the order in which they depend on each other.
#include <nanobind/nanobind.h>

#include "bindings/bind.h"

NB_MODULE(_native, m) {
  using namespace tfe::bindings;
  m.doc() = "Native part of tritonfrontend. Private: use the Python classes.";
  m.def("version", [] { return TFE_VERSION; });
  bind_errors(m);
  bind_lifetime(m);
  bind_library(m);
  bind_options(m);
  bind_server(m);
  bind_waker(m);
  bind_response(m);
  bind_request(m);
  bind_metrics(m);
  bind_bytes(m);
  bind_dlpack(m);
  bind_frontend(m);
  bind_tracing(m);
  bind_flights(m);
  bind_replication(m);
  bind_group_queries(m);
  bind_last_resort(m);
}
