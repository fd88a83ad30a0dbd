// Control calls as Python dictionaries, which a supervisor can keep, merge and send on:
//
//     {"op": "register", "kind": "system", "name", "key", "offset", "byte_size"}
//     {"op": "register", "kind": "cuda", "name", "handle": bytes, "device_id", "byte_size"}
//     {"op": "unregister", "kind", "name"}                    # "" for all of the kind
//     {"op": "load", "name", "parameters": [(name, str | bytes), ...]}
//     {"op": "unload", "name", "dependents"}
//     {"op": "host", "name", "url", "target"}                 # a model of the platform
//     {"op": "unhost", "name"}
//     {"op": "trace", "model", "settings": {name: int | None}}  # None: what it falls back to
//     {"op": "log", "settings": {name: value}}
//
// Texts of clients need not be UTF-8; other bytes travel as Python's surrogate escapes (PEP 383).
#pragma once

#include <nanobind/nanobind.h>

#include "frontend/taken_calls.h"

namespace tfe::bindings {

nanobind::dict to_dict(const kserve::ControlCall& call);
nanobind::dict to_dict(const triton::LogSettings& settings);

// InvalidArgumentError for an "op" that is none of these; KeyError for what is missing.
kserve::ControlCall control_call(const nanobind::dict& from);

}  // namespace tfe::bindings
