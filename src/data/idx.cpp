#include "cairn/data/idx.h"

#include <zlib.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <vector>

namespace cairn::data {
namespace {

constexpr size_t piece = size_t{1} << 20;  // bytes read or unpacked at a time

[[noreturn]] void fail_file(const std::string& path, const std::string& problem) {
  throw FileError("read_idx: " + problem + "; got '" + path + "'");
}

// The bytes of a file one after the other.
class Source {
 public:
  virtual ~Source() = default;
  // Reads up to n bytes; fewer only at the end.
  virtual size_t read(uint8_t* to, size_t n) = 0;
};

class PlainFile : public Source {
 public:
  explicit PlainFile(const std::string& path) : path_(path), file_(std::fopen(path.c_str(), "rb"), std::fclose) {
    if (!file_) fail_file(path, "cannot open the file");
  }
  size_t read(uint8_t* to, size_t n) override {
    const size_t got = std::fread(to, 1, n, file_.get());
    if (std::ferror(file_.get())) fail_file(path_, "cannot read the file");
    return got;
  }
  void rewind() { std::rewind(file_.get()); }

 private:
  std::string path_;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
};

class GzipFile : public Source {
 public:
  GzipFile(const std::string& path, PlainFile& file) : path_(path), file_(file), input_(piece) {
    if (inflateInit2(&stream_, 16 + MAX_WBITS) != Z_OK) fail_file(path, "zlib does not start");  // 16: gzip alone
  }
  ~GzipFile() override { inflateEnd(&stream_); }
  GzipFile(const GzipFile&) = delete;
  GzipFile& operator=(const GzipFile&) = delete;

  size_t read(uint8_t* to, size_t n) override {
    size_t done = 0;
    while (done < n) {
      if (stream_.avail_in == 0) {
        stream_.next_in = input_.data();
        stream_.avail_in = static_cast<uInt>(file_.read(input_.data(), input_.size()));
        if (stream_.avail_in == 0) {
          if (ended_) return done;
          fail_file(path_, "the gzip data are cut short");
        }
      }
      if (ended_) {  // a file may hold several gzip members, one after the other
        if (inflateReset(&stream_) != Z_OK) fail_file(path_, "zlib does not go on");
        ended_ = false;
        members_++;
      }
      stream_.next_out = to + done;
      stream_.avail_out = static_cast<uInt>(std::min(n - done, piece));
      const auto room = stream_.avail_out;
      const int status = inflate(&stream_, Z_NO_FLUSH);
      done += room - stream_.avail_out;
      if (status == Z_STREAM_END)
        ended_ = true;
      else if (status != Z_OK && status != Z_BUF_ERROR)
        fail_file(path_,
                  members_ > 0 && stream_.total_out == 0
                      ? std::string("bytes that are no gzip follow the gzip data")
                      : "the gzip data are damaged (" + std::string(stream_.msg ? stream_.msg : "unknown") + ")");
    }
    return done;
  }

 private:
  std::string path_;
  PlainFile& file_;
  std::vector<uint8_t> input_;
  z_stream stream_{};
  bool ended_ = false;
  int members_ = 0;
};

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

Shape read_header(Source& source, const std::string& path) {
  uint8_t magic[4], size[4];
  const size_t got = source.read(magic, 4);
  if (got == 0) fail_file(path, "the file is empty");
  if (got < 4) fail_file(path, "the header is cut short");
  if (magic[0] != 0 || magic[1] != 0 || (magic[2] != 0x08 && !element_type(magic[2]))) {
    char text[16];
    std::snprintf(text, sizeof text, "%02x%02x%02x%02x", magic[0], magic[1], magic[2], magic[3]);
    fail_file(path, std::string("not an IDX file (it begins with ") + text + ", an IDX file of bytes with 000008)");
  }
  if (magic[2] != 0x08)
    fail_file(path, std::string("the file holds ") + element_type(magic[2]) + ", only bytes are read");
  if (magic[3] < 1 || magic[3] > max_rank)
    fail_file(path, "the file says " + std::to_string(magic[3]) + " dimensions, 1 to 8 are read");
  Shape shape;
  for (int d = 0; d < magic[3]; ++d) {
    if (source.read(size, 4) < 4) fail_file(path, "the header is cut short");
    shape.push_back(int64_t{size[0]} << 24 | int64_t{size[1]} << 16 | int64_t{size[2]} << 8 | int64_t{size[3]});
  }
  return shape;
}

int64_t count_of(const Shape& shape, const std::string& path) {
  int64_t count = 1;
  for (int64_t n : shape)
    if (__builtin_mul_overflow(count, n, &count))
      fail_file(path, "sizes " + to_string(shape) + " are impossibly large");
  return count;
}

[[noreturn]] void fail_length(const std::string& path, const Shape& shape, int64_t claimed, const std::string& held) {
  fail_file(path, "sizes " + to_string(shape) + " need " + std::to_string(claimed) + " bytes, the file has " + held);
}

}  // namespace

Tensor read_idx(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) fail_file(path, "there is no such file");
  if (!fs::is_regular_file(status)) fail_file(path, "this is no file");
  const auto bytes = static_cast<int64_t>(fs::file_size(path, error));
  if (error) fail_file(path, "cannot read the file (" + error.message() + ")");

  PlainFile file(path);
  uint8_t magic[2] = {};
  const bool gzip = file.read(magic, 2) == 2 && magic[0] == 0x1f && magic[1] == 0x8b;
  file.rewind();
  if (!gzip) {
    const Shape shape = read_header(file, path);
    const int64_t claimed = count_of(shape, path), held = bytes - 4 - 4 * shape.size();
    if (held != claimed) fail_length(path, shape, claimed, std::to_string(held) + " after the header");
    Tensor x = empty(shape, u8);
    if (static_cast<int64_t>(file.read(x.pointer<uint8_t>(), static_cast<size_t>(claimed))) != claimed)
      fail_file(path, "the file changed while it was read");
    return x;
  }

  GzipFile unpacked(path, file);
  const Shape shape = read_header(unpacked, path);
  const int64_t claimed = count_of(shape, path);
  // Memory grows with what has really been unpacked, and never past the claim: neither a header that lies nor a file
  // that unpacks without end can fill the machine.
  std::vector<std::unique_ptr<uint8_t[]>> pieces;
  int64_t held = 0;
  while (held < claimed) {
    auto& next = pieces.emplace_back(new uint8_t[piece]);
    const size_t wanted = static_cast<size_t>(std::min<int64_t>(claimed - held, piece));
    const size_t got = unpacked.read(next.get(), wanted);
    held += static_cast<int64_t>(got);
    if (got < wanted) fail_length(path, shape, claimed, std::to_string(held) + " after the header");
  }
  uint8_t more;
  if (unpacked.read(&more, 1) > 0) fail_length(path, shape, claimed, "more");
  Tensor x = empty(shape, u8);
  for (size_t i = 0; i < pieces.size(); ++i) {
    const auto begin = static_cast<int64_t>(i * piece);
    std::memcpy(x.pointer<uint8_t>() + begin, pieces[i].get(),
                static_cast<size_t>(std::min<int64_t>(claimed - begin, piece)));
  }
  return x;
}

}  // namespace cairn::data
