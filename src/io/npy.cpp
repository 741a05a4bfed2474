#include "cairn/io/npy.h"

#include <optional>
#include <string_view>
#include <utility>

#include "cairn/base/file.h"
#include "cairn/graph/node.h"
#include "io/elements.h"
#include "io/npy_stream.h"

namespace cairn::io {
namespace {

constexpr std::string_view magic = "\x93NUMPY";
// Only records need more, and they are not read.
constexpr int64_t longest_header = 65535;

// ---- the header, which is Python: a dictionary of a text, a truth and a tuple, and nothing but that is understood ----------

struct NpyHeader {
  std::optional<std::string> descr;
  std::optional<bool> fortran_order;
  std::optional<Shape> shape;
};

class HeaderReader {
 public:
  HeaderReader(const Source& in, std::string_view text) : in_(in), text_(text) {}

  NpyHeader read() {
    NpyHeader header;
    expect('{');
    while (!take('}')) {
      const std::string name = text();
      expect(':');
      if (name == "descr")
        once(header.descr, name, kind());
      else if (name == "fortran_order")
        once(header.fortran_order, name, truth());
      else if (name == "shape")
        once(header.shape, name, sizes());
      else
        in_.fail("the header has an unknown entry '" + name + "'");
      if (take('}')) break;
      expect(',');
    }
    skip_space();
    if (at_ != text_.size()) damaged();
    for (const auto& [found, name] : {std::pair(header.descr.has_value(), "descr"),
                                      {header.fortran_order.has_value(), "fortran_order"},
                                      {header.shape.has_value(), "shape"}})
      if (!found) in_.fail(std::string("the header has no '") + name + "'");
    return header;
  }

 private:
  template <class T>
  void once(std::optional<T>& entry, const std::string& name, T value) const {
    if (entry) in_.fail("the header has '" + name + "' twice");
    entry = std::move(value);
  }
  [[noreturn]] void damaged() const {
    in_.fail("the header is damaged: it is no dictionary of descr, fortran_order and shape from byte " +
             std::to_string(at_) + " on");
  }
  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) ++at_;
  }
  bool take(char c) {
    skip_space();
    const bool is = at_ < text_.size() && text_[at_] == c;
    at_ += is ? 1 : 0;
    return is;
  }
  void expect(char c) {
    if (!take(c)) damaged();
  }
  std::string text() {
    skip_space();
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    const size_t end = quote == '\'' || quote == '"' ? text_.find_first_of("\\'\"\n", at_ + 1) : text_.npos;
    if (end == text_.npos || text_[end] != quote) damaged();  // no escapes: no name needs one
    std::string found(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return found;
  }
  std::string kind() {
    skip_space();
    if (at_ < text_.size() && (text_[at_] == '[' || text_[at_] == '('))
      in_.fail("arrays of records are not read; save their fields one by one");
    return text();
  }
  bool truth() {
    skip_space();
    for (const auto& [word, value] : {std::pair<std::string_view, bool>("True", true), {"False", false}})
      if (text_.substr(at_).starts_with(word)) return at_ += word.size(), value;
    damaged();
  }
  Shape sizes() {
    Shape shape;
    expect('(');
    while (!take(')')) {
      skip_space();
      const size_t begin = at_;
      int64_t size = 0;
      for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_)
        if (__builtin_mul_overflow(size, 10, &size) || __builtin_add_overflow(size, text_[at_] - '0', &size))
          in_.fail("the shape has an impossibly large size");
      if (at_ == begin || (text_[begin] == '0' && at_ > begin + 1)) damaged();
      if (shape.size() == max_rank) in_.fail("the array has more than " + std::to_string(max_rank) + " dimensions");
      shape.push_back(size);
      if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // Python 2 wrote (2L, 3L)
      if (take(',')) continue;
      if (shape.size() == 1) damaged();  // (3) is a number, (3,) a tuple
      expect(')');
      break;
    }
    return shape;
  }

  const Source& in_;
  std::string_view text_;
  size_t at_ = 0;
};

// The type that "<f4" stands for.
const Stored& type_of(const Source& in, const std::string& descr, bool& swapped) {
  const std::string_view kind = std::string_view(descr).substr(descr.empty() ? 0 : 1);
  const char order = descr.empty() ? '\0' : descr[0];
  const Stored* type = stored_numpy(kind);
  if (type && (order == '<' || order == '>' || (order == '|' && type->size == 1))) {
    swapped = order == '>';
    return *type;
  }
  const char letter = kind.empty() ? '\0' : kind[0];
  std::string problem = "arrays of ";
  problem += letter == 'c'                                     ? "complex numbers"
             : letter == 'O'                                   ? "Python objects"
             : letter == 'U' || letter == 'S' || letter == 'a' ? "texts"
             : letter == 'M' || letter == 'm'                  ? "dates and times"
             : letter == 'V'                                   ? "records or raw bytes"
                                                               : "this type";
  std::string known;
  for (const Stored& s : stored_types())
    if (*s.numpy) known += std::string(known.empty() ? "" : ", ") + s.numpy;
  in.fail(problem + " are not read; descr is '" + descr + "', those read are " + known + " behind '<' or '>'");
}

}  // namespace

Tensor read_npy(Source& in) {
  char start[8] = {};
  if (in.left(sizeof start) < int64_t{sizeof start}) in.fail("no .npy file: it has fewer than 8 bytes");
  in.read(start, sizeof start);
  if (std::string_view(start, magic.size()) != magic) in.fail("no .npy file: it does not begin with \\x93NUMPY");
  const int major = static_cast<uint8_t>(start[6]), minor = static_cast<uint8_t>(start[7]);
  if (major < 1 || major > 3 || minor != 0)
    in.fail("the file is of version " + std::to_string(major) + "." + std::to_string(minor) +
            "; those read are 1.0, 2.0 and 3.0");

  uint32_t length = 0;
  const int64_t width = major == 1 ? 2 : 4;
  if (in.left(width) < width) in.fail("the file is cut short: it has no header");
  in.read(&length, width);
  if (length > longest_header)
    in.fail("the header has " + std::to_string(length) + " bytes, " + std::to_string(longest_header) + " are allowed");
  if (const int64_t there = in.left(length); there < length)
    in.fail("the header has " + std::to_string(length) + " bytes, the file only " + std::to_string(there) +
            " after its length");
  std::string text(length, '\0');
  in.read(text.data(), length);
  const NpyHeader header = HeaderReader(in, text).read();
  const Shape& shape = *header.shape;
  bool swapped = false;
  const Stored& type = type_of(in, *header.descr, swapped);

  const int64_t needed = bytes_needed(in, type, shape, "the array"), there = in.left(needed + 1);
  if (there != needed)
    in.fail("the array of shape " + to_string(shape) + " and type " + *header.descr + " needs " +
            std::to_string(needed) + " bytes, the file has " + (there > needed ? "more" : std::to_string(there)));

  if (!*header.fortran_order) return read_elements(in, type, shape, swapped, "the array");
  // Column by column is row by row of the array with its dimensions in the other order.
  Shape turned, order;
  for (int d = shape.size() - 1; d >= 0; --d) turned.push_back(shape[d]), order.push_back(d);
  const NoGrad plain;
  return read_elements(in, type, turned, swapped, "the array").permute(order).contiguous();
}

std::string npy_head(const Tensor& x) {
  std::string shape;
  for (const int64_t n : x.shape()) shape += (shape.empty() ? "" : ", ") + std::to_string(n);
  if (x.dim() == 1) shape += ",";
  const char* type = stored_as(x.dtype()).numpy;
  std::string header = std::string("{'descr': '") + (size_of(x.dtype()) == 1 ? '|' : '<') + type +
                       "', 'fortran_order': False, 'shape': (" + shape + "), }";
  // NumPy leaves room for the first size to grow to 21 digits where the array is appended to, and aligns the data.
  if (x.dim() > 0) header.append(21 - std::to_string(x.size(0)).size(), ' ');
  constexpr size_t before = magic.size() + 4, alignment = 64;
  header.append(alignment - (before + header.size() + 1) % alignment, ' ');
  header += '\n';
  const auto length = static_cast<uint16_t>(header.size());
  std::string head(magic);
  head.append({1, 0, static_cast<char>(length & 0xff), static_cast<char>(length >> 8)});
  return head + header;
}

Tensor load_npy(const std::string& file) {
  FileSource in("load_npy", file);
  return read_npy(in);
}

void save_npy(const std::string& file, const Tensor& x) {
  require<ValueError>(x.defined(), "save_npy", "the tensor is undefined", given("file", file));
  AtomicFile out(file);
  out.write(npy_head(x));
  write_elements(x, stored_as(x.dtype()), "save_npy", "array",
                 [&](const void* data, size_t bytes) { out.write(data, bytes); });
  out.commit();
}

}  // namespace cairn::io
