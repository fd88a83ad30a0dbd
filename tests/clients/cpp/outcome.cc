#include <cstdio>

#include "client.h"

std::string quoted(const std::string& text) {
  std::string json = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') json += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) {
      json += c;
      continue;
    }
    char escaped[8];
    std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(c));
    json += escaped;
  }
  return json + '"';
}

std::string quoted(const std::vector<std::string>& texts) {
  std::string json = "[";
  for (const std::string& text : texts) json += (json.size() > 1 ? "," : "") + quoted(text);
  return json + "]";
}

Outcome of(const grpc::Status& status) {
  return {{"code", std::to_string(status.error_code())}, {"text", quoted(status.error_message())}};
}
