#include "io/safetensors_header.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>

#include "cairn/base/error.h"

namespace cairn::io {

namespace {

// Takes the header as it is parsed, and accepts nothing but what may stand at that place. No tree of JSON is made: such
// a tree would need many times the memory of its text, and would keep only the last of two members of one name.
class Parser : public nlohmann::json_sax<nlohmann::json> {
 public:
  Parser(const Source& in, Header& header) : in_(in), header_(header) {}

  bool null() override { unexpected("null"); }
  bool boolean(bool v) override { unexpected(v ? "true" : "false"); }
  bool number_integer(int64_t v) override { unexpected("the negative number " + std::to_string(v)); }
  bool number_float(double, const std::string& text) override { unexpected("the number " + text); }
  bool binary(binary_t&) override { unexpected("bytes"); }

  bool number_unsigned(uint64_t v) override {
    if (place_ != shape && place_ != offsets) unexpected("the number " + std::to_string(v));
    if (v > uint64_t{INT64_MAX}) unexpected("the impossibly large number " + std::to_string(v));
    if (place_ == shape && entry().shape.size() == max_rank)
      fail(what() + " has more than " + std::to_string(max_rank) + " dimensions");
    if (place_ == offsets && count_ == 2) fail(what() + " has more than two data_offsets");
    if (place_ == shape)
      entry().shape.push_back(static_cast<int64_t>(v));
    else
      (count_ == 0 ? entry().begin : entry().end) = static_cast<int64_t>(v);
    ++count_;
    return true;
  }

  bool string(std::string& v) override {
    if (place_ == metadata)
      header_.metadata[key_] = std::move(v);
    else if (place_ == tensor && key_ == "dtype")
      take_type(v);
    else
      unexpected("the text '" + v + "'");
    return true;
  }

  bool start_object(size_t) override {
    if (place_ == outside) {
      place_ = top;
    } else if (place_ == top && key_ == "__metadata__") {
      place_ = metadata;
    } else if (place_ == top) {
      place_ = tensor;
      members_.clear();
      header_.entries.push_back({key_, nullptr, {}, 0, 0});
    } else {
      unexpected("an object");
    }
    return true;
  }

  bool key(std::string& name) override {
    bool fresh = true;
    if (place_ == top) {
      fresh = names_.insert(name).second;
    } else if (place_ == metadata) {
      fresh = !header_.metadata.contains(name);
    } else {
      if (name != "dtype" && name != "shape" && name != "data_offsets")
        fail(what() + " has an unknown member '" + name + "'");
      fresh = members_.insert(name).second;
    }
    if (!fresh) fail((place_ == tensor ? what() + " has" : "the header has") + " '" + name + "' twice");
    key_ = std::move(name);
    return true;
  }

  bool end_object() override {
    if (place_ == tensor)
      for (const char* name : {"dtype", "shape", "data_offsets"})
        if (!members_.contains(name)) fail(what() + " has no " + name);
    place_ = place_ == top ? outside : top;
    return true;
  }

  bool start_array(size_t) override {
    if (place_ != tensor || key_ == "dtype") unexpected("a list");
    place_ = key_ == "shape" ? shape : offsets;
    count_ = 0;
    return true;
  }

  bool end_array() override {
    if (place_ == offsets && count_ != 2) fail(what() + " has fewer than two data_offsets");
    place_ = tensor;
    return true;
  }

  bool parse_error(size_t position, const std::string&, const nlohmann::json::exception&) override {
    fail("the header is damaged: it is no JSON from byte " + std::to_string(position) + " on");
  }

 private:
  enum Place { outside, top, metadata, tensor, shape, offsets };

  HeaderEntry& entry() { return header_.entries.back(); }
  std::string what() { return "tensor '" + entry().name + "'"; }
  [[noreturn]] void fail(const std::string& problem) { in_.fail(problem); }
  void take_type(const std::string& name) {
    entry().type = stored_type(name);
    if (entry().type) return;
    std::string known;
    for (const Stored& type : stored_types()) known += std::string(known.empty() ? "" : ", ") + type.safetensors;
    fail(what() + " is of dtype '" + name + "'; those read are " + known);
  }
  [[noreturn]] void unexpected(const std::string& found) {
    switch (place_) {
      case outside:
        fail("the header is damaged: it must be a JSON object, and is " + found);
      case top:
        fail("the header is damaged: '" + key_ + "' must be an object, and is " + found);
      case metadata:
        fail("metadata must be texts; '" + key_ + "' is " + found);
      case tensor:
        fail(what() + " has " + found + " as its " + key_);
      default:
        fail(what() + " has " + found + " in its " + (place_ == shape ? "shape" : "data_offsets"));
    }
  }

  const Source& in_;
  Header& header_;
  Place place_ = outside;
  std::string key_;
  size_t count_ = 0;
  std::set<std::string> names_, members_;
};

void check_sizes(const Source& in, const HeaderEntry& e) {
  const std::string what = "tensor '" + e.name + "'";
  const int64_t needed = bytes_needed(in, *e.type, e.shape, what);
  const std::string range = std::to_string(e.begin) + " to " + std::to_string(e.end);
  if (e.begin > e.end) in.fail(what + " has data_offsets in the wrong order: " + range);
  if (e.end - e.begin != needed)
    in.fail(what + " of shape " + to_string(e.shape) + " and dtype " + e.type->safetensors + " needs " +
            std::to_string(needed) + " bytes, its data_offsets " + range + " hold " + std::to_string(e.end - e.begin));
}

}  // namespace

Header read_header(Source& in, const std::string& text) {
  Header header;
  // The format demands it; the parser would take a byte order mark or white space as well.
  if (!text.starts_with('{')) in.fail("not a safetensors file: its header does not begin with '{'");
  // To the parser a zero byte is the end, whatever follows it.
  if (const size_t zero = text.find('\0'); zero != text.npos)
    in.fail("the header is damaged: it is no JSON from byte " + std::to_string(zero) + " on");
  Parser parser(in, header);
  nlohmann::json::sax_parse(text, &parser);

  for (const HeaderEntry& e : header.entries) check_sizes(in, e);
  std::sort(header.entries.begin(), header.entries.end(), [](const HeaderEntry& a, const HeaderEntry& b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  int64_t covered = 0;
  for (const HeaderEntry& e : header.entries) {
    const std::string between =
        std::to_string(std::min(covered, e.begin)) + " to " + std::to_string(std::max(covered, e.begin));
    if (e.begin < covered) in.fail("tensor '" + e.name + "' overlaps another one at the bytes " + between);
    if (e.begin > covered)
      in.fail("there is a hole before tensor '" + e.name + "': no tensor covers the bytes " + between);
    covered = e.end;
  }
  const int64_t data = in.left(covered == INT64_MAX ? covered : covered + 1);
  for (const HeaderEntry& e : header.entries)
    if (e.end > data)
      in.fail("tensor '" + e.name + "' lies at the bytes " + std::to_string(e.begin) + " to " + std::to_string(e.end) +
              " of the data, the file holds " + std::to_string(data));
  if (covered != data)
    in.fail(std::to_string(data - covered) + " bytes follow the last tensor, which ends at byte " +
            std::to_string(covered) + " of the data");
  return header;
}

}  // namespace cairn::io
