#include "http/content_coding.h"

#include <algorithm>
#include <array>
#include <string>

#include "http/headers.h"

namespace tfe::http {
namespace {

using base::Code;

std::optional<Coding> coding_of(std::string_view token) {
  if (iequals(token, "gzip") || iequals(token, "x-gzip")) return Coding::kGzip;
  if (iequals(token, "deflate")) return Coding::kDeflate;
  if (iequals(token, "identity")) return Coding::kIdentity;
  return std::nullopt;
}

// A weight of RFC 9110 section 12.4.2 in thousandths; empty if it is none. Senders leave out the
// zero before the point and give more digits than three, so both are taken.
std::optional<int> parse_weight(std::string_view text) {
  const std::size_t point = std::min(text.find('.'), text.size());
  const std::string_view whole = text.substr(0, point);
  if (text.empty() || text == "." || (!whole.empty() && whole != "0" && whole != "1")) {
    return std::nullopt;
  }
  int weight = whole == "1" ? 1000 : 0;
  int place = 100;
  for (const char c : text.substr(std::min(point + 1, text.size()))) {
    if (c < '0' || c > '9') return std::nullopt;
    weight += (c - '0') * place;
    place /= 10;
  }
  if (weight > 1000) return std::nullopt;
  return weight;
}

struct Preference {
  std::string_view token;
  int weight = 1000;
};

// One item of Accept-Encoding; empty if its weight cannot be understood, which makes it no wish.
std::optional<Preference> parse_preference(std::string_view item) {
  Preference preference{trim(item.substr(0, item.find(';')))};
  while (item.find(';') != std::string_view::npos) {
    item = item.substr(item.find(';') + 1);
    const std::string_view parameter = trim(item.substr(0, item.find(';')));
    const std::size_t equals = parameter.find('=');
    if (!iequals(trim(parameter.substr(0, equals)), "q")) continue;
    if (equals == std::string_view::npos) return std::nullopt;
    const auto weight = parse_weight(trim(parameter.substr(equals + 1)));
    if (!weight) return std::nullopt;
    preference.weight = *weight;
  }
  return preference;
}

constexpr std::array kAllCodings = {Coding::kIdentity, Coding::kGzip, Coding::kDeflate};

std::size_t index_of(Coding coding) { return static_cast<std::size_t>(coding); }

}  // namespace

std::string_view coding_name(Coding coding) {
  switch (coding) {
    case Coding::kGzip:
      return "gzip";
    case Coding::kDeflate:
      return "deflate";
    case Coding::kIdentity:
      break;
  }
  return "identity";
}

base::Result<std::vector<Coding>> parse_content_encoding(std::string_view value) {
  std::vector<Coding> codings;
  bool known = true;
  for_each_item(value, [&](std::string_view item) {
    const auto coding = coding_of(item);
    known = known && coding && codings.size() < kMaxCodings;
    if (known && *coding != Coding::kIdentity) codings.push_back(*coding);
  });
  if (!known) return base::fail(Code::kUnsupported, std::string(kUnsupportedCoding));
  return codings;
}

Coding choose_coding(std::string_view accept_encoding) {
  std::array<bool, kAllCodings.size()> listed{};
  std::optional<int> others;  // the weight of "*"
  Coding best = Coding::kIdentity;
  int best_weight = 0;
  for_each_item(accept_encoding, [&](std::string_view item) {
    const auto preference = parse_preference(item);
    if (!preference) return;
    if (preference->token == "*") {
      if (!others) others = preference->weight;
      return;
    }
    const auto coding = coding_of(preference->token);
    if (!coding || listed[index_of(*coding)]) return;
    listed[index_of(*coding)] = true;
    if (preference->weight <= best_weight) return;
    best = *coding;
    best_weight = preference->weight;
  });
  for (const Coding coding : kAllCodings) {
    if (!others || listed[index_of(coding)] || *others <= best_weight) continue;
    best = coding;
    best_weight = *others;
  }
  return best;
}

}  // namespace tfe::http
