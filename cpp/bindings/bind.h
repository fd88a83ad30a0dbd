// One function per bind_*.cc, called by module.cc.
#pragma once

#include <nanobind/nanobind.h>

namespace tfe::bindings {

void bind_errors(nanobind::module_& m);
void bind_lifetime(nanobind::module_& m);
void bind_library(nanobind::module_& m);
void bind_options(nanobind::module_& m);
void bind_server(nanobind::module_& m);
void bind_waker(nanobind::module_& m);
void bind_response(nanobind::module_& m);
void bind_request(nanobind::module_& m);
void bind_metrics(nanobind::module_& m);
void bind_bytes(nanobind::module_& m);
void bind_dlpack(nanobind::module_& m);
void bind_frontend(nanobind::module_& m);
void bind_tracing(nanobind::module_& m);
void bind_flights(nanobind::module_& m);
void bind_replication(nanobind::module_& m);
void bind_group_queries(nanobind::module_& m);
void bind_last_resort(nanobind::module_& m);

}  // namespace tfe::bindings
