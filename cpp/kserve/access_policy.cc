#include "kserve/access_policy.h"

#include <algorithm>
#include <utility>

namespace tfe::kserve {

namespace {

constexpr std::array<std::string_view, kApiCount> kNames = {
    "health",           "metadata",   "inference", "shared-memory", "model-config",
    "model-repository", "statistics", "trace",     "logging"};

std::optional<std::size_t> find_api(std::string_view name) {
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<std::size_t>(found - kNames.begin());
}

// The form of Triton's option, and its words for any other.
struct Rule {
  std::string_view apis;
  std::string_view key;
  std::string_view value;
};

std::optional<Rule> split_rule(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const std::size_t equals = text.find('=', colon + 1);
  if (equals == std::string_view::npos) return std::nullopt;
  const Rule rule{text.substr(0, colon), text.substr(colon + 1, equals - colon - 1),
                  text.substr(equals + 1)};
  if (rule.apis.empty() || rule.key.empty() || rule.value.empty()) return std::nullopt;
  return rule;
}

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_value_char(char c) { return c == '\t' || (c >= ' ' && c != '\x7f') || c < '\0'; }

bool is_blank(char c) { return c == ' ' || c == '\t'; }

// A key or value that no request can carry (RFC 9110 section 5) would lock everybody out.
base::Status check_expressible(const Rule& rule) {
  if (!std::all_of(rule.key.begin(), rule.key.end(), is_name_char)) {
    return base::fail(base::Code::kInvalidArgument,
                      "restricted api key '" + std::string(rule.key) + "' is not a header name");
  }
  if (!std::all_of(rule.value.begin(), rule.value.end(), is_value_char) ||
      is_blank(rule.value.front()) || is_blank(rule.value.back())) {
    return base::fail(base::Code::kInvalidArgument,
                      "the value of restricted api key '" + std::string(rule.key) +
                          "' is not a header value: it begins or ends with a blank, or holds a "
                          "control character");
  }
  return {};
}

// Takes the same time wherever the texts differ, so that a client cannot find the secret one
// character after the other. The length may be learnt.
bool equal_in_constant_time(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  volatile unsigned char difference = 0;  // or the compiler may leave the loop early
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference = static_cast<unsigned char>(difference | static_cast<unsigned char>(a[i] ^ b[i]));
  }
  return difference == 0;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

base::Result<AccessPolicy> AccessPolicy::parse(const std::vector<std::string>& rules) {
  AccessPolicy policy;
  for (const std::string& text : rules) {
    const auto rule = split_rule(text);
    if (!rule) {
      return base::fail(base::Code::kInvalidArgument,
                        "--http-restricted-api option format is '<config name>:<setting>=<value>'. "
                        "Got " +
                            text);
    }
    if (auto status = check_expressible(*rule); !status) {
      return std::unexpected(std::move(status.error()));
    }
    std::string_view rest = rule->apis;
    for (bool more = true; more;) {
      const std::size_t comma = rest.find(',');
      const std::string_view name = rest.substr(0, comma);
      more = comma != std::string_view::npos;
      if (more) rest.remove_prefix(comma + 1);
      if (auto status = policy.restrict(name, {std::string(rule->key), std::string(rule->value)});
          !status) {
        return std::unexpected(std::move(status.error()));
      }
    }
  }
  return policy;
}

base::Status AccessPolicy::restrict(std::string_view name, Secret secret) {
  const auto api = find_api(name);
  if (!api) {
    return base::fail(base::Code::kInvalidArgument,
                      "unknown restricted api '" + std::string(name) + "'");
  }
  if (secrets_[*api]) {
    return base::fail(base::Code::kInvalidArgument,
                      "restricted api '" + std::string(name) +
                          "' can not be specified in multiple config groups");
  }
  secrets_[*api] = std::move(secret);
  return {};
}

base::Status AccessPolicy::check(Api api, const Lookup& lookup) const {
  const auto& secret = secrets_[static_cast<std::size_t>(api)];
  if (!secret) return {};
  const auto given = lookup(secret->key);
  if (given && equal_in_constant_time(*given, secret->value)) return {};
  return base::fail(base::Code::kPermissionDenied,
                    "This API is restricted, expecting header '" + secret->key + "'");
}

bool AccessPolicy::is_key(std::string_view name) const {
  return std::any_of(secrets_.begin(), secrets_.end(), [&](const auto& secret) {
    return secret && equal_ignoring_case(secret->key, name);
  });
}

}  // namespace tfe::kserve
