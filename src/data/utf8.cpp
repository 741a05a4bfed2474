#include "data/utf8.h"

#include <unicode/utf8.h>

#include <cstdio>

#include "cairn/base/error.h"

namespace cairn::data {

size_t find_malformed(std::string_view text) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  for (size_t i = 0; i < text.size();) {
    const size_t start = i;
    UChar32 c;
    U8_NEXT(bytes, i, text.size(), c);
    if (c < 0) return start;
  }
  return std::string_view::npos;
}

std::string well_formed(const char* operation, std::string_view text, Malformed malformed) {
  size_t bad = find_malformed(text);
  if (bad == std::string_view::npos) return std::string(text);
  if (malformed == Malformed::error) {
    char byte[8];
    std::snprintf(byte, sizeof byte, "0x%02X", static_cast<unsigned>(static_cast<unsigned char>(text[bad])));
    fail<ValueError>(operation, "the text must be UTF-8", given("byte", std::string(byte)), given("at offset", bad));
  }
  std::string good;
  for (; bad != std::string_view::npos; bad = find_malformed(text)) {
    good.append(text.substr(0, bad)).append("\uFFFD");
    // As Unicode recommends (section 3.9): one U+FFFD for as many bytes as could begin a character.
    const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
    [[maybe_unused]] UChar32 c;
    U8_NEXT(bytes, bad, text.size(), c);
    text.remove_prefix(bad);
  }
  return good.append(text);
}

}  // namespace cairn::data
