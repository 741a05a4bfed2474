#pragma once
// UTF-8 as every tokenizer needs it. Part of the component cairn::text.

#include <string>
#include <string_view>

#include "cairn/data/tokenizer.h"

namespace cairn::data {

/// Where the first malformed byte of a text is, or npos.
size_t find_malformed(std::string_view text);

/// The text, well-formed: each malformed part replaced by U+FFFD, or refused.
///   throws  ValueError that names the first malformed byte and where it is
std::string well_formed(const char* operation, std::string_view text, Malformed malformed);

/// Bytes of the character that begins here, in well-formed text that is not empty.
inline size_t character_bytes(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  return lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

}  // namespace cairn::data
