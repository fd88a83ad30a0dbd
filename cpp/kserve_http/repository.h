// Model repository control: index, load, unload. All of these work on the executor.
#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"
#include "kserve_http/blocking_call.h"
#include "kserve_http/options.h"
#include "kserve_http/reply.h"

namespace tfe::kserve_http {

// `body`: empty or JSON, followed by readable padding for codec::JsonReader.
void repository_index(std::shared_ptr<const Context> context, base::Bytes body,
                      BlockingCall::Answer answer);
void repository_load(std::shared_ptr<const Context> context, const std::string& model,
                     base::Bytes body, BlockingCall::Answer answer);
void repository_unload(std::shared_ptr<const Context> context, const std::string& model,
                       base::Bytes body, BlockingCall::Answer answer);

}  // namespace tfe::kserve_http
