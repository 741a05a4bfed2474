#include "io/source.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "cairn/base/error.h"

namespace cairn::io {

void Source::fail(const std::string& problem) const { throw FileError(operation_ + ": " + problem + "; got " + what_); }

static std::string reason() { return " (" + std::generic_category().message(errno) + ")"; }

FileSource::FileSource(std::string operation, const std::string& path)
    : Source(std::move(operation), "'" + path + "'") {
  // What the path names is looked at before it is opened: opening a device may do something.
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0)
    fail(errno == ENOENT || errno == ENOTDIR ? "there is no such file" : "cannot read the file" + reason());
  if (!S_ISREG(info.st_mode) && !S_ISFIFO(info.st_mode)) fail("this is no file");
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor_ < 0 || ::fstat(descriptor_, &info) != 0) {
    const std::string why = reason();
    if (descriptor_ >= 0) ::close(descriptor_);
    fail("cannot read the file" + why);
  }
  regular_ = S_ISREG(info.st_mode);
  if (regular_) length_ = info.st_size;
}

FileSource::~FileSource() { ::close(descriptor_); }

int64_t FileSource::read_some(void* to, int64_t bytes) const {
  for (;;) {
    const ssize_t got = regular_ ? ::pread(descriptor_, to, static_cast<size_t>(bytes), position_)
                                 : ::read(descriptor_, to, static_cast<size_t>(bytes));
    if (got >= 0) return got;
    if (errno != EINTR) fail("cannot read the file" + reason());
  }
}

int64_t FileSource::left(int64_t wanted) {
  // Room is made for as much again as has come: whatever is wanted, a short pipe takes little memory.
  while (!regular_ && length_ - position_ < wanted) {
    const int64_t room =
        std::min(wanted - (length_ - position_), std::max<int64_t>(static_cast<int64_t>(ahead_.size()), 65536));
    const size_t before = ahead_.size();
    ahead_.resize(before + static_cast<size_t>(room));
    const int64_t got = read_some(ahead_.data() + before, room);
    ahead_.resize(before + static_cast<size_t>(got));
    length_ += got;
    if (got == 0) break;
  }
  return length_ - position_;
}

void FileSource::read(void* to, int64_t bytes) {
  if (bytes == 0) return;
  if (!regular_) {
    if (left(bytes) < bytes) fail("the data end early");
    std::memcpy(to, ahead_.data() + ahead_.size() - (length_ - position_), static_cast<size_t>(bytes));
    position_ += bytes;
    if (position_ == length_) ahead_.clear();
    return;
  }
  for (char* at = static_cast<char*>(to); bytes > 0;) {
    const int64_t got = read_some(at, bytes);
    if (got == 0) fail("the file became shorter while it was read");
    at += got;
    bytes -= got;
    position_ += got;
  }
}

std::shared_ptr<char> FileSource::map() const {
  if (!regular_ || length_ == 0) return nullptr;
  const auto bytes = static_cast<size_t>(length_);
  void* at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, descriptor_, 0);
  if (at == MAP_FAILED) return nullptr;
  return {static_cast<char*>(at), [bytes](char* p) { ::munmap(p, bytes); }};
}

}  // namespace cairn::io
