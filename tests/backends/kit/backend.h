// The frame of every test backend: entry.cc implements the C entry points, a backend's own file
// implements execute().
//
// Knobs of all backends, from the model's configuration: `load_delay_ms` delays the load,
// `load_error` fails it with that text. The knob `echo` (any backend that answers with the inputs)
// adds the request's parameters and fields to the response, see echo_request().
#pragma once

#include <cstdint>
#include <span>

#include "kit/api.h"
#include "kit/error.h"
#include "kit/knobs.h"

namespace tfe::backend {

// The state of a loaded model.
struct Model {
  Settings settings;
  bool batches = false;  // max_batch_size > 0: the first dimension of every tensor counts requests
};

struct Instance {
  TRITONBACKEND_ModelInstance* handle = nullptr;
  const Model* model = nullptr;
};

// Answers and releases every request, or returns an error: then the core keeps them and answers
// each with that error. Never called concurrently for one instance.
Error execute(const Instance& instance, std::span<TRITONBACKEND_Request* const> requests);

// Called before an instance is unloaded, when all its responses are final: a backend with threads
// joins those of this instance, since their code may be unmapped next.
void join_threads(TRITONBACKEND_ModelInstance* instance);

// Nanoseconds of the clock that Triton's statistics use.
std::uint64_t now_ns();
void sleep_ms(std::int64_t milliseconds);

// Sends the final response (a copy of the inputs, or `error`), reports statistics, releases the
// request.
void answer(const Instance& instance, TRITONBACKEND_Request* request, std::uint64_t start_ns,
            Error error = nullptr);
// Statistics of one request that was executed alone. Before its release.
void report(const Instance& instance, TRITONBACKEND_Request* request, std::uint64_t start_ns,
            bool success);
void release(TRITONBACKEND_Request* request);

}  // namespace tfe::backend
