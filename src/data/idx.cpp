#include "cairn/data/idx.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "data/gzip.h"

namespace cairn::data {
namespace {

constexpr size_t piece = size_t{1} << 20;  // bytes of memory taken at a time

const char* element_type(uint8_t code) {
  switch (code) {
    case 0x09:
      return "signed bytes";
    case 0x0B:
      return "16-bit integers";
    case 0x0C:
      return "32-bit integers";
    case 0x0D:
      return "32-bit floats";
    case 0x0E:
      return "64-bit floats";
    default:
      return nullptr;
  }
}

Shape read_header(ByteReader& file) {
  uint8_t magic[4], size[4];
  const size_t got = file.read(magic, 4);
  if (got == 0) file.fail("the file is empty");
  if (got < 4) file.fail("the header is cut short");
  if (magic[0] != 0 || magic[1] != 0 || (magic[2] != 0x08 && !element_type(magic[2]))) {
    char text[16];
    std::snprintf(text, sizeof text, "%02x%02x%02x%02x", magic[0], magic[1], magic[2], magic[3]);
    file.fail(std::string("not an IDX file (it begins with ") + text + ", an IDX file of bytes with 000008)");
  }
  if (magic[2] != 0x08) file.fail(std::string("the file holds ") + element_type(magic[2]) + ", only bytes are read");
  if (magic[3] < 1 || magic[3] > max_rank)
    file.fail("the file says " + std::to_string(magic[3]) + " dimensions, 1 to 8 are read");
  Shape shape;
  for (int d = 0; d < magic[3]; ++d) {
    if (file.read(size, 4) < 4) file.fail("the header is cut short");
    shape.push_back(int64_t{size[0]} << 24 | int64_t{size[1]} << 16 | int64_t{size[2]} << 8 | int64_t{size[3]});
  }
  return shape;
}

int64_t count_of(const Shape& shape, const ByteReader& file) {
  int64_t count = 1;
  for (int64_t n : shape)
    if (__builtin_mul_overflow(count, n, &count)) file.fail("sizes " + to_string(shape) + " are impossibly large");
  return count;
}

[[noreturn]] void fail_length(const ByteReader& file, const Shape& shape, int64_t claimed, const std::string& held) {
  file.fail("sizes " + to_string(shape) + " need " + std::to_string(claimed) + " bytes, the file has " + held);
}

}  // namespace

Tensor read_idx(const std::string& path) {
  ByteReader file("read_idx", path);
  const Shape shape = read_header(file);
  const int64_t claimed = count_of(shape, file);
  if (!file.gzip()) {
    const int64_t held = file.file_size() - 4 - 4 * shape.size();
    if (held != claimed) fail_length(file, shape, claimed, std::to_string(held) + " after the header");
    Tensor x = empty(shape, u8);
    if (static_cast<int64_t>(file.read(x.pointer<uint8_t>(), static_cast<size_t>(claimed))) != claimed)
      file.fail("the file changed while it was read");
    return x;
  }

  // Memory grows with what has really been unpacked, and never past the claim: neither a header that lies nor a file
  // that unpacks without end can fill the machine.
  std::vector<std::unique_ptr<uint8_t[]>> pieces;
  int64_t held = 0;
  while (held < claimed) {
    auto& next = pieces.emplace_back(new uint8_t[piece]);
    const size_t wanted = static_cast<size_t>(std::min<int64_t>(claimed - held, piece));
    const size_t got = file.read(next.get(), wanted);
    held += static_cast<int64_t>(got);
    if (got < wanted) fail_length(file, shape, claimed, std::to_string(held) + " after the header");
  }
  uint8_t more;
  if (file.read(&more, 1) > 0) fail_length(file, shape, claimed, "more");
  Tensor x = empty(shape, u8);
  for (size_t i = 0; i < pieces.size(); ++i) {
    const auto begin = static_cast<int64_t>(i * piece);
    std::memcpy(x.pointer<uint8_t>() + begin, pieces[i].get(),
                static_cast<size_t>(std::min<int64_t>(claimed - begin, piece)));
  }
  return x;
}

}  // namespace cairn::data
