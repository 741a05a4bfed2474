#include "data/gzip.h"

#include <algorithm>
#include <filesystem>
#include <utility>

namespace cairn::data {

static constexpr size_t at_a_time = size_t{1} << 20;  // bytes read or unpacked

ByteReader::ByteReader(std::string operation, std::string path)
    : operation_(std::move(operation)), path_(std::move(path)) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::file_status status = fs::status(path_, error);
  if (!fs::exists(status)) fail("there is no such file");
  if (!fs::is_regular_file(status)) fail("this is no file");
  file_size_ = static_cast<int64_t>(fs::file_size(path_, error));
  if (error) fail("cannot read the file (" + error.message() + ")");
  file_.reset(std::fopen(path_.c_str(), "rb"));
  if (!file_) fail("cannot open the file");

  uint8_t magic[2] = {};
  gzip_ = read_plain(magic, 2) == 2 && magic[0] == 0x1f && magic[1] == 0x8b;
  std::rewind(file_.get());
  if (!gzip_) return;
  input_.resize(at_a_time);
  if (inflateInit2(&stream_, 16 + MAX_WBITS) != Z_OK) fail("zlib does not start");  // 16: gzip alone
}

ByteReader::~ByteReader() {
  if (gzip_) inflateEnd(&stream_);
}

void ByteReader::fail(const std::string& problem) const {
  throw FileError(operation_ + ": " + problem + "; got '" + path_ + "'");
}

size_t ByteReader::read(uint8_t* to, size_t n) { return gzip_ ? unpack(to, n) : read_plain(to, n); }

size_t ByteReader::read_plain(uint8_t* to, size_t n) {
  const size_t got = std::fread(to, 1, n, file_.get());
  if (std::ferror(file_.get())) fail("cannot read the file");
  return got;
}

size_t ByteReader::unpack(uint8_t* to, size_t n) {
  size_t done = 0;
  while (done < n) {
    if (stream_.avail_in == 0) {
      stream_.next_in = input_.data();
      stream_.avail_in = static_cast<uInt>(read_plain(input_.data(), input_.size()));
      if (stream_.avail_in == 0) {
        if (ended_) return done;
        fail("the gzip data are cut short");
      }
    }
    if (ended_) {  // a file may hold several gzip members, one after the other
      if (inflateReset(&stream_) != Z_OK) fail("zlib does not go on");
      ended_ = false;
      members_++;
    }
    stream_.next_out = to + done;
    stream_.avail_out = static_cast<uInt>(std::min(n - done, at_a_time));
    const auto room = stream_.avail_out;
    const int status = inflate(&stream_, Z_NO_FLUSH);
    done += room - stream_.avail_out;
    if (status == Z_STREAM_END)
      ended_ = true;
    else if (status != Z_OK && status != Z_BUF_ERROR)
      fail(members_ > 0 && stream_.total_out == 0
               ? std::string("bytes that are no gzip follow the gzip data")
               : "the gzip data are damaged (" + std::string(stream_.msg ? stream_.msg : "unknown") + ")");
  }
  return done;
}

}  // namespace cairn::data
