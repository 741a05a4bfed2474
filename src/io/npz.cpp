#include "cairn/io/npz.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>  // NOLINT: uselocale is no part of clocale

#include <algorithm>
#include <exception>
#include <memory>
#include <new>
#include <nlohmann/json.hpp>

#include "cairn/base/file.h"
#include "io/elements.h"
#include "io/npy_stream.h"

namespace cairn::io {
namespace {

// libarchive takes names through the locale, which is often "C" and then knows ASCII alone. This is for one thread.
class Utf8 {
 public:
  Utf8() : locale_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    if (locale_) before_ = ::uselocale(locale_);
  }
  ~Utf8() {
    if (!locale_) return;
    ::uselocale(before_);
    ::freelocale(locale_);
  }
  Utf8(const Utf8&) = delete;
  Utf8& operator=(const Utf8&) = delete;

 private:
  locale_t locale_, before_{};
};

using Archive = std::unique_ptr<archive, int (*)(archive*)>;

std::string reason(archive* a) {
  const char* text = archive_error_string(a);
  return std::string(" (") + (text ? text : "unknown") + ")";
}

// What an entry unpacks to.
class EntrySource : public Source {
 public:
  EntrySource(archive* zip, const std::string& file, const std::string& name, int64_t length)
      : Source("load_npz", "'" + file + "', entry '" + name + "'"), zip_(zip), left_(length) {}
  int64_t left(int64_t) override { return left_; }
  void read(void* to, int64_t bytes) override {
    for (char* at = static_cast<char*>(to); bytes > 0;) {
      const la_ssize_t got = archive_read_data(zip_, at, static_cast<size_t>(bytes));
      if (got < 0) fail("the zip file is damaged" + reason(zip_));
      if (got == 0) fail("the zip file is damaged: the entry ends early");
      at += got;
      bytes -= got;
      left_ -= got;
    }
  }
  // The checksum stands behind the last byte.
  void finish() {
    char more = 0;
    const la_ssize_t got = archive_read_data(zip_, &more, 1);
    if (got < 0) fail("the zip file is damaged" + reason(zip_));
    if (got > 0) fail("the zip file is damaged: the entry is longer than it says");
  }

 private:
  archive* zip_;
  int64_t left_;
};

}  // namespace

nn::StateDict load_npz(const std::string& file) {
  // For the errors of a path, and for the length: deflate packs at most 1032 bytes into one.
  FileSource whole("load_npz", file);
  if (!whole.regular()) whole.fail("this is no plain file, and zip is read from its end");
  const int64_t packed = whole.left(INT64_MAX);
  nn::StateDict tensors;
  // A zip file of no entries, which libarchive takes for no zip file.
  const std::string nothing = "PK\5\6" + std::string(18, '\0');
  std::string begin(nothing.size(), ' ');
  whole.read(begin.data(), std::min(packed, static_cast<int64_t>(begin.size())));
  if (packed == static_cast<int64_t>(nothing.size()) && begin == nothing) return tensors;
  int64_t room = 0;
  if (__builtin_mul_overflow(packed, 1032, &room)) room = INT64_MAX;

  const Utf8 names;
  const Archive zip(archive_read_new(), archive_read_free);
  if (!zip) throw std::bad_alloc();
  archive_read_support_format_zip_seekable(zip.get());
  if (archive_read_open_filename(zip.get(), file.c_str(), 65536) != ARCHIVE_OK)
    whole.fail("cannot read the file as zip" + reason(zip.get()));
  for (archive_entry* entry = nullptr;;) {
    const int status = archive_read_next_header(zip.get(), &entry);
    if (status == ARCHIVE_EOF) break;
    if (status != ARCHIVE_OK) whole.fail("the zip file is damaged" + reason(zip.get()));
    const char* path = archive_entry_pathname_utf8(entry);
    if (!path) whole.fail("the name of an entry is not UTF-8");
    std::string name = path;
    if (!name.ends_with(".npy")) whole.fail("the entry '" + name + "' is no array: it does not end in .npy");
    if (!archive_entry_size_is_set(entry)) whole.fail("the entry '" + name + "' does not say how long it is");
    const int64_t length = archive_entry_size(entry);
    if (length < 0 || length > room)
      whole.fail("the entry '" + name + "' would unpack to " + std::to_string(length) +
                 " bytes, more than the file can hold");
    room -= length;
    EntrySource in(zip.get(), file, name, length);
    Tensor t = read_npy(in);
    in.finish();
    name.resize(name.size() - 4);
    if (!tensors.emplace(name, std::move(t)).second) whole.fail("the array '" + name + "' stands there twice");
  }
  return tensors;
}

void save_npz(const std::string& file, const nn::StateDict& tensors, const NpzOptions& options) {
  for (const auto& [name, tensor] : tensors) {
    require<ValueError>(tensor.defined(), "save_npz", "a tensor is undefined", given("name", name));
    require<ValueError>(!name.empty() && name.find('\0') == name.npos, "save_npz",
                        "a name must not be empty or have a zero byte", given("name", name));
    try {
      (void)nlohmann::json(name).dump();
    } catch (const nlohmann::json::exception&) {
      throw ValueError("save_npz: a name is not UTF-8");
    }
  }
  struct Target {
    AtomicFile file;
    std::exception_ptr problem;  // libarchive is C, and nothing may be thrown through it
  } target{AtomicFile(file), nullptr};
  const Utf8 names;
  const Archive zip(archive_write_new(), archive_write_free);
  const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(archive_entry_new(), archive_entry_free);
  if (!zip || !entry) throw std::bad_alloc();
  const auto write = [](archive*, void* to, const void* data, size_t bytes) -> la_ssize_t {
    auto* t = static_cast<Target*>(to);
    try {
      t->file.write(data, bytes);
    } catch (...) {
      t->problem = std::current_exception();
      return -1;
    }
    return static_cast<la_ssize_t>(bytes);
  };
  const auto check = [&](bool ok) {
    if (target.problem) std::rethrow_exception(target.problem);
    if (!ok) throw FileError("save_npz: cannot write the file" + reason(zip.get()) + "; got '" + file + "'");
  };

  check(archive_write_set_format_zip(zip.get()) == ARCHIVE_OK);
  check(archive_write_set_options(zip.get(), options.compressed
                                                 ? "zip:compression=deflate,zip:hdrcharset=UTF-8"
                                                 : "zip:compression=store,zip:hdrcharset=UTF-8") == ARCHIVE_OK);
  archive_write_set_bytes_in_last_block(zip.get(), 1);
  check(archive_write_open(zip.get(), &target, nullptr, write, nullptr) == ARCHIVE_OK);
  for (const auto& [name, tensor] : tensors) {
    const std::string head = npy_head(tensor);
    const Stored& type = stored_as(tensor.dtype());
    archive_entry_clear(entry.get());
    archive_entry_set_pathname_utf8(entry.get(), (name + ".npy").c_str());
    archive_entry_set_size(entry.get(), static_cast<int64_t>(head.size()) + tensor.numel() * type.size);
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), 0644);
    check(archive_write_header(zip.get(), entry.get()) == ARCHIVE_OK);
    const auto append = [&](const void* data, size_t bytes) {
      const la_ssize_t written = bytes == 0 ? 0 : archive_write_data(zip.get(), data, bytes);
      check(written >= 0 && static_cast<size_t>(written) == bytes);
    };
    append(head.data(), head.size());
    write_elements(tensor, type, "save_npz", name, append);
    check(archive_write_finish_entry(zip.get()) == ARCHIVE_OK);
  }
  check(archive_write_close(zip.get()) == ARCHIVE_OK);
  target.file.commit();
}

}  // namespace cairn::io
