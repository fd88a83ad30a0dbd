// Model repository control: index, load, unload. All of these work on the executor.
#pragma once

#include <string>

#include "base/bytes.h"
#include "kserve_http/options.h"
#include "kserve_http/reply.h"

namespace tfe::kserve_http {

// `body`: empty or JSON, followed by readable padding for codec::JsonReader.
Reply repository_index(const Context& context, base::Bytes body);
Reply repository_load(const Context& context, const std::string& model, base::Bytes body);
Reply repository_unload(const Context& context, const std::string& model, base::Bytes body);

}  // namespace tfe::kserve_http
