#include "cairn/base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace cairn::io {
namespace fs = std::filesystem;

void AtomicFile::fail_write(const char* what) const {
  throw FileError(std::string("write: ") + what + " (" + std::generic_category().message(errno) + "); got '" + path_ +
                  "'");
}

static fs::path folder_of(const std::string& path) {
  const fs::path folder = fs::path(path).parent_path();
  return folder.empty() ? "." : folder;
}

AtomicFile::AtomicFile(const std::string& path) : path_(path), target_(path) {
  if (fs::path(path).filename().empty()) throw FileError("write: this is no name of a file; got '" + path + "'");
  std::error_code ignored;
  for (int links = 0; links < 40 && fs::is_symlink(target_, ignored); ++links)  // the system's own limit
    target_ = (folder_of(target_) / fs::read_symlink(target_, ignored)).string();
  struct stat old {};
  const bool exists = ::stat(target_.c_str(), &old) == 0;
  if (!exists && errno != ENOENT) fail_write("cannot open the file");
  if (exists && S_ISDIR(old.st_mode)) throw FileError("write: this is a folder; got '" + path_ + "'");
  if (exists && !S_ISREG(old.st_mode)) throw FileError("write: this is no plain file; got '" + path_ + "'");

  static std::atomic<int> count = 0;
  do {
    // Short, and not made from the file's name, which may be as long as names can be.
    temporary_ =
        (folder_of(target_) / (".cairn-" + std::to_string(::getpid()) + "-" + std::to_string(++count) + ".tmp"))
            .string();
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (descriptor_ < 0 && errno == EEXIST);  // left behind by a process that was killed
  if (descriptor_ < 0) {
    temporary_.clear();
    fail_write("cannot create a file in the folder");
  }
  if (exists) (void)::fchmod(descriptor_, old.st_mode & 07777);  // NOLINT: the content matters more than its mode
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(const void* data, size_t bytes) {
  const char* at = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t written = ::write(descriptor_, at, bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_write("cannot write the file");
    at += written;
    bytes -= static_cast<size_t>(written);
  }
}

void AtomicFile::commit() {
  if (::fsync(descriptor_) != 0) fail_write("cannot flush the file to the disk");
  const int descriptor = descriptor_;
  descriptor_ = -1;
  if (::close(descriptor) != 0) fail_write("cannot close the file");
  if (std::rename(temporary_.c_str(), target_.c_str()) != 0) fail_write("cannot put the file in its place");
  temporary_.clear();
  // So that the new name survives a power failure. The file is whole either way, so a system that cannot do it is no
  // error.
  const int folder = ::open(folder_of(target_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  ::fsync(folder);
  ::close(folder);
}

void write_text(const std::string& path, const std::string& text) {
  AtomicFile out(path);
  out.write(text);
  out.commit();
}

}  // namespace cairn::io
