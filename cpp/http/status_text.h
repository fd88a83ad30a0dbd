// Reason phrases of the status codes that the frontends send (RFC 9110 section 15).
#pragma once

#include <array>
#include <string_view>
#include <utility>

namespace tfe::http {

inline constexpr std::array kStatusTexts = std::to_array<std::pair<int, std::string_view>>({
    {200, "OK"},
    {100, "Continue"},
    {204, "No Content"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {417, "Expectation Failed"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
});

constexpr std::string_view status_text(int status) {
  for (const auto& [code, text] : kStatusTexts) {
    if (code == status) return text;
  }
  return "Unknown";
}

}  // namespace tfe::http
