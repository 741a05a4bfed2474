#include "cairn/data/text.h"

#include <algorithm>
#include <filesystem>

#include "cairn/base/error.h"
#include "data/gzip.h"

namespace cairn::data {

namespace fs = std::filesystem;

std::string read_text(const std::string& path) {
  ByteReader reader("read_text", path);
  std::string text;
  for (size_t got = 1; got > 0;) {
    const size_t before = text.size();
    text.resize(before + std::max(before, size_t{1} << 16));  // fresh pages cost more than a short file
    got = reader.read(reinterpret_cast<uint8_t*>(text.data()) + before, text.size() - before);
    text.resize(before + got);
  }
  return text;
}

TextParts split_text(const std::string& text, double held_out) {
  require<ValueError>(held_out > 0 && held_out < 1, "split_text", "held_out is a share between 0 and 1",
                      given("held_out", held_out));
  const auto aim = static_cast<size_t>(static_cast<double>(text.size()) * (1 - held_out));
  size_t cut = aim;
  while (cut > 0 && text[cut - 1] != '\n') --cut;
  if (cut == 0) {
    const auto inside = [&](size_t i) { return static_cast<unsigned char>(text[i]) >= 0x80; };
    for (cut = aim; cut > 0 && cut < text.size() && (inside(cut - 1) || inside(cut));) --cut;
  }
  require<ValueError>(cut > 0 && cut < text.size(), "split_text", "the text is too short to hold a part of it out",
                      given("bytes", text.size()), given("held_out", held_out));
  return {text.substr(0, cut), text.substr(cut)};
}

static std::string find_input(const std::string& folder) {
  for (const char* name : {"input.txt", "input.txt.gz"})
    if (const fs::path path = fs::path(folder) / name; fs::is_regular_file(path)) return path.string();
  return "";
}

bool has_tiny_shakespeare(const std::string& folder) { return !find_input(folder).empty(); }

TextParts load_tiny_shakespeare(const std::string& folder) {
  const std::string path = find_input(folder);
  if (path.empty())
    throw FileError("load_tiny_shakespeare: neither input.txt nor input.txt.gz is in the folder; got '" + folder +
                    "'. data/fetch_tiny_shakespeare.sh FOLDER fetches it");
  const std::string text = read_text(path);
  try {
    return split_text(text);
  } catch (const ValueError&) {
    fail<FileError>("load_tiny_shakespeare", "the file holds no text to speak of", path, given("bytes", text.size()));
  }
}

}  // namespace cairn::data
