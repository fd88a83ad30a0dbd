// Unary methods as functions from the bytes of a request to those of a response.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/status.h"
#include "grpc/router.h"
#include "kserve/admission.h"
#include "kserve/executor.h"

namespace tfe::kserve_grpc {

using UnaryMethod = std::function<base::Result<std::string>(base::Bytes request)>;
// The same for a response that comes later, from any thread, once. The request is valid until then.
using Respond = std::move_only_function<void(base::Result<std::string>)>;
using LaterMethod = std::function<void(base::Bytes request, Respond respond)>;
using Lane = kserve::Executor::Lane;

// On the loop thread: for methods that never wait.
void add_quick(grpc::Router& router, std::string path, UnaryMethod method);
// What methods that block run on, and the cap that their messages count for.
struct BlockingResources {
  kserve::ExecutorRef executor;
  kserve::Admission admission;
};

// On a thread of the executor. kSlow: the method may wait for a model to load. A method that has
// begun still runs when the client, the deadline or the frontend has ended the call, so it must own
// what it uses; one that waits for a thread by then is not begun.
void add_blocking(grpc::Router& router, std::string path, UnaryMethod method,
                  const BlockingResources& resources, Lane lane);
void add_later(grpc::Router& router, std::string path, LaterMethod method,
               const BlockingResources& resources, Lane lane);

// The answer to a request that is not a message of its type.
base::Error unparsable();
// kInvalidArgument for a name with a NUL byte: the core takes C strings, and what follows would be
// lost without a word.
base::Status check_name(std::string_view field, std::string_view name);

}  // namespace tfe::kserve_grpc
