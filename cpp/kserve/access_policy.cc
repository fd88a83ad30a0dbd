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

// "gRPC over HTTP/2", Custom-Metadata. Keys are lower-cased before.
bool is_metadata_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

bool is_metadata_value_char(char c) { return c >= ' ' && c <= '~'; }

bool is_blank(char c) { return c == ' ' || c == '\t'; }

// How the two protocols name what they restrict, and what their headers can carry.
struct Wording {
  std::string_view option;
  std::string_view what;
  std::string_view unknown_end;  // Triton's gRPC text ends in a blank
  std::string_view header;
  bool (*name_char)(char);
  bool (*value_char)(char);
};

constexpr Wording kHttpWording{
    "--http-restricted-api", "restricted api", "", "header", is_name_char, is_value_char};
constexpr Wording kGrpcWording{"--grpc-restricted-protocol", "restricted protocol", " ", "metadata",
                               is_metadata_name_char,        is_metadata_value_char};
constexpr std::string_view kGrpcPrefix = "triton-grpc-protocol-";

const Wording& wording(Protocol protocol) {
  return protocol == Protocol::kGrpc ? kGrpcWording : kHttpWording;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// A key or value that no request can carry (RFC 9110 section 5) would lock everybody out. So would
// metadata of binary keys: clients send it encoded.
base::Status check_expressible(const Rule& rule, std::string_view key, Protocol protocol) {
  const Wording& words = wording(protocol);
  const std::string subject = std::string(words.what) + " key '" + std::string(rule.key) + "'";
  if (!std::all_of(key.begin(), key.end(), words.name_char) ||
      (protocol == Protocol::kGrpc && key.ends_with("-bin"))) {
    return base::fail(base::Code::kInvalidArgument,
                      subject + " is not a " + std::string(words.header) + " name");
  }
  if (!std::all_of(rule.value.begin(), rule.value.end(), words.value_char) ||
      is_blank(rule.value.front()) || is_blank(rule.value.back())) {
    return base::fail(base::Code::kInvalidArgument,
                      "the value of " + subject + " is not a " + std::string(words.header) +
                          " value: it begins or ends with a blank, or holds a control character" +
                          (protocol == Protocol::kGrpc ? " or one beyond ASCII" : ""));
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
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

base::Result<AccessPolicy> AccessPolicy::parse(const std::vector<std::string>& rules,
                                               Protocol protocol) {
  AccessPolicy policy;
  policy.protocol_ = protocol;
  for (const std::string& text : rules) {
    if (auto status = policy.add_rule(text); !status) {
      return std::unexpected(std::move(status.error()));
    }
  }
  return policy;
}

base::Status AccessPolicy::add_rule(const std::string& text) {
  const auto rule = split_rule(text);
  if (!rule) {
    return base::fail(base::Code::kInvalidArgument,
                      std::string(wording(protocol_).option) +
                          " option format is '<config name>:<setting>=<value>'. Got " + text);
  }
  std::string key(rule->key);
  if (protocol_ == Protocol::kGrpc) std::transform(key.begin(), key.end(), key.begin(), lower);
  if (auto status = check_expressible(*rule, key, protocol_); !status) return status;
  if (protocol_ == Protocol::kGrpc) key.insert(0, kGrpcPrefix);
  std::string_view rest = rule->apis;
  for (bool more = true; more;) {
    const std::size_t comma = rest.find(',');
    const std::string_view name = rest.substr(0, comma);
    more = comma != std::string_view::npos;
    if (more) rest.remove_prefix(comma + 1);
    if (auto status = restrict(name, {key, std::string(rule->value)}); !status) return status;
  }
  return {};
}

base::Status AccessPolicy::restrict(std::string_view name, Secret secret) {
  const auto api = find_api(name);
  const Wording& words = wording(protocol_);
  const std::string subject = std::string(words.what) + " '" + std::string(name) + "'";
  if (!api) {
    return base::fail(base::Code::kInvalidArgument,
                      "unknown " + subject + std::string(words.unknown_end));
  }
  if (secrets_[*api]) {
    return base::fail(base::Code::kInvalidArgument,
                      subject + " can not be specified in multiple config groups");
  }
  secrets_[*api] = std::move(secret);
  return {};
}

base::Status AccessPolicy::check(Api api, const Lookup& lookup) const {
  const auto& secret = secrets_[static_cast<std::size_t>(api)];
  if (!secret) return {};
  const auto given = lookup(secret->key);
  if (given && equal_in_constant_time(*given, secret->value)) return {};
  if (protocol_ == Protocol::kGrpc) {
    return base::fail(base::Code::kUnavailable,
                      "This protocol is restricted, expecting header '" + secret->key + "'");
  }
  return base::fail(base::Code::kPermissionDenied,
                    "This API is restricted, expecting header '" + secret->key + "'");
}

bool AccessPolicy::restricts_any() const {
  return std::any_of(secrets_.begin(), secrets_.end(),
                     [](const auto& secret) { return secret.has_value(); });
}

bool AccessPolicy::is_key(std::string_view name) const {
  return std::any_of(secrets_.begin(), secrets_.end(), [&](const auto& secret) {
    return secret && equal_ignoring_case(secret->key, name);
  });
}

}  // namespace tfe::kserve
