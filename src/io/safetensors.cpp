#include "cairn/io/safetensors.h"

#include <Eigen/Core>
#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "cairn/graph/node.h"
#include "cairn/io/file.h"
#include "io/safetensors_header.h"

namespace cairn::io {

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

namespace {

// ---- writing -----------------------------------------------------------------------------------------------------------

struct Named {
  const char* name;
  Dtype dtype;
};
// In the order in which the format's own library lays tensors out.
constexpr Named dtypes[] = {{"I64", i64}, {"F64", f64}, {"F32", f32}, {"U8", u8}, {"BOOL", boolean}};

int64_t bytes_of(const Tensor& t) { return t.numel() * static_cast<int64_t>(size_of(t.dtype())); }

}  // namespace

void save_safetensors(const std::string& file, const nn::StateDict& tensors,
                      const std::map<std::string, std::string>& metadata) {
  require<NameError>(!tensors.contains("__metadata__"), "save_safetensors",
                     "a tensor cannot have the name '__metadata__'");
  for (const auto& [name, tensor] : tensors)
    require<ValueError>(tensor.defined(), "save_safetensors", "a tensor is undefined", given("name", name));

  // Sorted by name within an object: Json would look each name up among all those before it.
  nlohmann::json header = nlohmann::json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::vector<const Tensor*> order;
  int64_t at = 0;
  for (const Named& dtype : dtypes)
    for (const auto& [name, tensor] : tensors) {
      if (tensor.dtype() != dtype.dtype) continue;
      const int64_t end = at + bytes_of(tensor);
      header[name] = {{"dtype", dtype.name},
                      {"shape", std::vector<int64_t>(tensor.shape().begin(), tensor.shape().end())},
                      {"data_offsets", {at, end}}};
      order.push_back(&tensor);
      at = end;
    }
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::json::exception& e) {
    throw ValueError("save_safetensors: a name or the metadata are not UTF-8 (" + std::string(e.what()) + ")");
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');
  require<ValueError>(text.size() <= max_header, "save_safetensors",
                      "names and metadata are longer than the format allows", given("bytes", text.size()),
                      given("allowed", max_header));

  AtomicFile out(file);
  const uint64_t length = text.size();
  out.write(&length, sizeof length);
  out.write(text);
  for (const Tensor* tensor : order) {
    const NoGrad plain;
    const Tensor row_major = tensor->contiguous();
    out.write(row_major.pointer<char>(), static_cast<size_t>(bytes_of(row_major)));
  }
  out.commit();
}

// ---- reading -------------------------------------------------------------------------------------------------------------

namespace {

// The bytes of a file one after the other.
class Input {
 public:
  explicit Input(const std::string& path) : path_(path), file_(nullptr, std::fclose) {
    namespace fs = std::filesystem;
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (!fs::exists(status)) fail_file(path, "there is no such file");
    if (!fs::is_regular_file(status)) fail_file(path, "this is no file");
    length_ = static_cast<int64_t>(fs::file_size(path, error));
    if (!error) file_.reset(std::fopen(path.c_str(), "rb"));
    if (!file_) fail_file(path, "cannot read the file (" + std::generic_category().message(errno) + ")");
  }
  int64_t length() const { return length_; }
  void read(void* to, size_t bytes) {
    if (std::fread(to, 1, bytes, file_.get()) != bytes)
      fail_file(path_, "cannot read the file, or it changed while it was read");
  }

 private:
  std::string path_;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
  int64_t length_ = 0;
};

// 16-bit floats to f32, a piece at a time.
template <class F>
void widen(Input& in, const Tensor& t, F f) {
  uint16_t bits[4096];
  float* to = t.pointer<float>();
  for (int64_t done = 0; done < t.numel();) {
    const int64_t n = std::min<int64_t>(t.numel() - done, std::size(bits));
    in.read(bits, static_cast<size_t>(n) * sizeof *bits);
    for (int64_t i = 0; i < n; ++i) to[done + i] = f(bits[i]);
    done += n;
  }
}

Tensor read_tensor(Input& in, const std::string& path, const HeaderEntry& entry) {
  if (entry.dtype == "F16" || entry.dtype == "BF16") {
    Tensor t = empty(entry.shape, f32);
    if (entry.dtype == "F16")
      widen(in, t, [](uint16_t bits) { return static_cast<float>(std::bit_cast<Eigen::half>(bits)); });
    else
      widen(in, t, [](uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); });
    return t;
  }
  const auto* named =
      std::find_if(std::begin(dtypes), std::end(dtypes), [&](const Named& n) { return entry.dtype == n.name; });
  Tensor t = empty(entry.shape, named->dtype);
  in.read(t.pointer<char>(), static_cast<size_t>(bytes_of(t)));
  if (named->dtype == boolean) {  // a bool of another value than 0 and 1 would be undefined behaviour
    const auto* bytes = t.pointer<unsigned char>();
    if (const auto* bad = std::find_if(bytes, bytes + t.numel(), [](unsigned char b) { return b > 1; });
        bad != bytes + t.numel())
      fail_file(path, "tensor '" + entry.name + "' is BOOL but holds the byte " + std::to_string(*bad));
  }
  return t;
}

}  // namespace

SafeTensors load_safetensors(const std::string& file) {
  Input in(file);
  if (in.length() < 8)
    fail_file(file, "the file is cut short: it has " + std::to_string(in.length()) +
                        " bytes, and 8 give the length of the header");
  uint64_t length = 0;
  in.read(&length, sizeof length);
  if (length > max_header)
    fail_file(file, "not a safetensors file: its header would have " + std::to_string(length) + " bytes, " +
                        std::to_string(max_header) + " are allowed");
  const int64_t data = in.length() - 8 - static_cast<int64_t>(length);
  if (data < 0)
    fail_file(file, "the header has " + std::to_string(length) + " bytes, the file only " +
                        std::to_string(in.length() - 8) + " after its length");
  std::string text(length, '\0');
  in.read(text.data(), text.size());
  Header header = parse_header(file, text, data);
  SafeTensors result;
  result.metadata = std::move(header.metadata);
  for (const HeaderEntry& entry : header.entries)  // in the order of the file
    result.tensors.emplace(entry.name, read_tensor(in, file, entry));
  return result;
}

}  // namespace cairn::io
