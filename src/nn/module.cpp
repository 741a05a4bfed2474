#include "cairn/nn/module.h"

#include <cxxabi.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <sstream>
#include <typeinfo>
#include <unordered_map>
#include <unordered_set>

#include "cairn/graph/node.h"
#include "cairn/nn/summary.h"
#include "nn/path.h"

namespace cairn::nn {

// ---- declaring members -----------------------------------------------------------------------------------------------

void Module::check_name(const char* what, const std::string& name) const {
  require<NameError>(!name.empty() && name.find('.') == std::string::npos, what,
                     "a name must not be empty or have a dot", given("name", name));
  const auto is_it = [&](const auto& member) { return member.name == name; };
  const bool taken = std::any_of(parameters_.begin(), parameters_.end(), is_it) ||
                     std::any_of(buffers_.begin(), buffers_.end(), is_it) ||
                     std::any_of(children_.begin(), children_.end(), is_it);
  require<NameError>(!taken, what, "the module already has a member of this name", given("name", name));
}

void Module::adopt(std::string name, std::unique_ptr<Module> child) {
  require<ValueError>(child != nullptr, "add", "the child is null", given("name", name));
  check_name("add", name);
  child->prefix(join(path_, name));  // this module may have its place already
  children_.push_back({std::move(name), std::move(child)});
}

void Module::prefix(const std::string& name) {
  each([&](Module& m) { m.path_ = m.path_.empty() ? name : name + "." + m.path_; });
}

Layer& Module::add_layer(const std::string& name, std::unique_ptr<Layer> child) { return add(name, std::move(child)); }

Tensor& Module::parameter(std::string name, const Tensor& tensor, ParameterOptions options) {
  check_name("parameter", name);
  parameters_.push_back({std::move(name), tensor, Tensor(), options});
  Slot& slot = parameters_.back();
  try {
    slot.refresh();
  } catch (...) {
    parameters_.pop_back();
    throw;
  }
  return slot.tensor;
}

Tensor& Module::buffer(std::string name, const Tensor& tensor) {
  check_name("buffer", name);
  buffers_.push_back({tensor, std::move(name)});
  return buffers_.back().tensor;
}

void Module::Slot::refresh() const {
  if (tensor.body().get() == seen.body().get()) return;
  if (seen.defined()) trained = seen.requires_grad();
  if (tensor.defined()) {
    if (!tensor.is_leaf())
      tensor = tensor.detach();  // a value computed from parameters is a starting point, not a formula
    if (tensor.requires_grad() != trained) tensor.requires_grad_(trained);
  }
  seen = tensor;
}

// ---- walking over the tree -------------------------------------------------------------------------------------------

template <class F>
void Module::each(const F& f) {
  f(*this);
  for (Child& child : children_) child.module->each(f);
}

template <class F>
void Module::each(const F& f) const {
  f(*this);
  for (const Child& child : children_) std::as_const(*child.module).each(f);
}

// The name of a module seen from `root`, which may itself be a child of something larger.
static std::string relative(const std::string& root, const std::string& path) {
  return root.empty() ? path : path.substr(std::min(path.size(), root.size() + 1));
}

std::vector<Parameter> Module::named_parameters() const {
  std::vector<Parameter> found;
  each([&](const Module& m) {
    m.refresh();
    for (const Slot& slot : m.parameters_)
      if (slot.tensor.defined())
        found.emplace_back(slot.tensor, join(relative(path_, m.path_), slot.name), slot.options);
  });
  return found;
}

std::vector<Parameter> Module::parameters() const {
  std::vector<Parameter> found = named_parameters();
  std::unordered_set<const Body*> seen;
  std::erase_if(found, [&](const Parameter& p) { return !seen.insert(p.tensor.body().get()).second; });
  return found;
}

std::vector<Buffer> Module::named_buffers() const {
  std::vector<Buffer> found;
  each([&](const Module& m) {
    for (const Buffer& b : m.buffers_)
      if (b.tensor.defined()) found.push_back({b.tensor, join(relative(path_, m.path_), b.name)});
  });
  return found;
}

std::vector<std::pair<std::string, Module*>> Module::children() const {
  std::vector<std::pair<std::string, Module*>> found;
  for (const Child& child : children_) found.emplace_back(child.name, child.module.get());
  return found;
}

int64_t Module::num_parameters() const {
  int64_t count = 0;
  for (const Parameter& p : parameters()) count += p.tensor.numel();
  return count;
}

Module& Module::train(bool on) {
  each([on](Module& m) { m.training_ = on; });
  return *this;
}

void Module::zero_grad() {
  for (Parameter& p : parameters()) p.tensor.set_grad(Tensor());
}

Module& Module::to(Dtype dtype) {
  require<DtypeError>(is_float(dtype), "to", "modules hold f32 or f64", given("dtype", dtype));
  std::unordered_map<const Body*, Tensor> made;  // by the tensor it replaces, so that tied weights stay tied
  std::vector<Tensor> old;                       // kept alive, or a new tensor could get the address of an old one
  const auto convert = [&](Tensor& t) {
    if (!t.defined() || !is_float(t.dtype()) || t.dtype() == dtype) return;
    old.push_back(t);
    Tensor& converted = made[t.body().get()];
    if (!converted.defined()) converted = t.detach().to(dtype);
    t = converted;
  };
  each([&](Module& m) {
    m.refresh();
    for (Slot& slot : m.parameters_) convert(slot.tensor);
    for (Buffer& b : m.buffers_) convert(b.tensor);
    m.refresh();
  });
  return *this;
}

// ---- state -------------------------------------------------------------------------------------------------------------

StateDict Module::state_dict() const {
  StateDict state;
  for (const Parameter& p : named_parameters()) state[p.name] = p.tensor.detach();
  for (const Buffer& b : named_buffers()) state[b.name] = b.tensor;
  return state;
}

std::map<std::string, std::string> Module::tied_names() const {
  std::map<std::string, std::string> tied;
  std::unordered_map<const Body*, std::string> first;
  const auto look = [&](const auto& named) {
    const auto [at, fresh] = first.emplace(named.tensor.body().get(), named.name);
    if (!fresh) tied.emplace(named.name, at->second);
  };
  for (const Parameter& p : named_parameters()) look(p);
  for (const Buffer& b : named_buffers()) look(b);
  return tied;
}

StateDict Module::untied_state_dict() const {
  StateDict state = state_dict();
  for (const auto& [name, first] : tied_names()) state.erase(name);
  return state;
}

static bool same_elements(const Tensor& a, const Tensor& b) {
  if (a.body().get() == b.body().get()) return true;
  if (a.dtype() != b.dtype() || a.shape() != b.shape()) return false;
  const NoGrad plain;
  const Tensor x = a.contiguous(), y = b.contiguous();
  return x.numel() == 0 ||
         std::memcmp(x.pointer<char>(), y.pointer<char>(), static_cast<size_t>(x.numel()) * size_of(x.dtype())) == 0;
}

std::string to_string(const LoadReport& report) {
  std::string text;
  const auto list = [&](const char* what, const std::vector<std::string>& names) {
    if (names.empty()) return;
    text += (text.empty() ? "" : "; ") + std::string(what);
    for (size_t i = 0; i < names.size(); ++i) text += (i == 0 ? " " : ", ") + names[i];
  };
  list("missing", report.missing);
  list("unexpected", report.unexpected);
  for (const std::string& misfit : report.misfits) text += (text.empty() ? "" : "; ") + misfit;
  return text.empty() ? "everything fits" : text;
}
std::ostream& operator<<(std::ostream& out, const LoadReport& report) { return out << to_string(report); }

LoadReport Module::load_state_dict(const StateDict& state, bool strict, bool assign) {
  LoadReport report;
  StateDict fitting;
  const StateDict own = state_dict();
  const auto ties = tied_names();
  StateDict given = state;  // and what it has under one name of a tensor, under all of them
  for (const auto& [name, first] : ties)
    if (const auto at = state.find(name); at != state.end()) given.emplace(first, at->second);
  for (const auto& [name, first] : ties)
    if (const auto at = given.find(first); at != given.end()) given.emplace(name, at->second);
  for (const auto& [name, tensor] : own) {
    const auto at = given.find(name);
    const auto exchangeable = [](Dtype a, Dtype b) { return a == b || (is_float(a) && is_float(b)); };
    if (at == given.end() || !at->second.defined())
      report.missing.push_back(name);
    else if (at->second.shape() != tensor.shape() || (assign && !exchangeable(at->second.dtype(), tensor.dtype())))
      report.misfits.push_back(name + " is " + describe(tensor) + ", the state holds " + describe(at->second));
    else
      fitting.insert(*at);
  }
  for (const auto& [name, first] : ties) {
    const auto one = fitting.find(first), other = fitting.find(name);
    if (one == fitting.end() || other == fitting.end()) continue;
    if (!same_elements(one->second, other->second)) {
      std::string text = name;
      text.append(" is tied to ").append(first).append(", the state holds two tensors that differ");
      report.misfits.push_back(std::move(text));
    }
    other->second = one->second;
  }
  for (const auto& [name, tensor] : state)
    if (!own.contains(name)) report.unexpected.push_back(name);
  if (strict && !report.ok()) {
    const std::string text = "load_state_dict: the state does not fit " + type_name() + ": " + to_string(report);
    if (report.missing.empty() && report.unexpected.empty()) throw ShapeError(text);
    throw NameError(text);
  }
  const NoGrad no_grad;
  if (!assign) {
    for (const auto& [name, source] : fitting) own.at(name).detach().copy_(source.detach().to(own.at(name).dtype()));
    return report;
  }
  std::unordered_map<const Body*, Tensor> taken;  // without the history and the gradients of the state's tensors
  each([&](Module& m) {
    const auto replace = [&](Tensor& t, const std::string& name) {
      const auto at = t.defined() ? fitting.find(join(relative(path_, m.path_), name)) : fitting.end();
      if (at == fitting.end()) return;
      Tensor& source = taken[at->second.body().get()];
      if (!source.defined()) source = at->second.detach();
      t = source;
    };
    m.refresh();
    for (Slot& slot : m.parameters_) replace(slot.tensor, slot.name);
    for (Buffer& b : m.buffers_) replace(b.tensor, b.name);
    m.refresh();
  });
  return report;
}

uint64_t checksum(const Module& module) {
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a, 64 bits
  const auto mix = [&](const void* data, size_t bytes) {
    for (size_t i = 0; i < bytes; ++i) hash = (hash ^ static_cast<const unsigned char*>(data)[i]) * 0x100000001b3;
  };
  for (const auto& [name, tensor] : module.state_dict()) {
    mix(name.c_str(), name.size() + 1);  // with its end, so that names and numbers cannot run together
    const std::string kind = describe(tensor);
    mix(kind.c_str(), kind.size() + 1);
    const Tensor plain = tensor.contiguous();
    mix(plain.pointer<char>(), static_cast<size_t>(plain.numel()) * size_of(plain.dtype()));
  }
  return hash;
}

std::string checksum_text(const Module& module) {
  char text[17];
  std::snprintf(text, sizeof text, "%016" PRIx64, checksum(module));  // in any locale
  return text;
}

// ---- printing ------------------------------------------------------------------------------------------------------------

std::string Module::type_name() const {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(
      abi::__cxa_demangle(typeid(*this).name(), nullptr, nullptr, &status), std::free);
  std::string name = status == 0 ? text.get() : typeid(*this).name();
  // Without namespaces and template arguments: "cairn::nn::Linear" is Linear, "(anonymous namespace)::Mlp<3>" is Mlp.
  name = name.substr(0, name.find('<'));
  const size_t colon = name.rfind(':');
  return colon == std::string::npos ? name : name.substr(colon + 1);
}

Json Module::options() const { return nullptr; }

// "in=784, out=512, bias=true"; of a sole text the text itself. What is nested deeper is no reading matter.
static std::string printed(const Json& options) {
  if (!options.is_object()) return "";
  if (options.size() == 1 && options.begin()->is_string()) return *options.begin();
  std::string text;
  for (const auto& [name, value] : options.items()) {
    const bool flat =
        value.is_primitive() ||
        (value.is_array() && std::all_of(value.begin(), value.end(), [](const Json& v) { return v.is_primitive(); }));
    if (flat)
      text +=
          (text.empty() ? "" : ", ") + name + "=" +
          (value.is_string() ? value.get<std::string>() : value.dump(-1, ' ', false, Json::error_handler_t::replace));
  }
  return text;
}

using Line = std::pair<std::string, const Module*>;  // the module whose own parameters belong to the line, or null

static void list_lines(const Module& m, const std::string& label, const std::string& indent, std::vector<Line>& lines) {
  const std::string head = indent + label + m.type_name() + "(";
  const auto children = m.children();
  if (children.empty()) {
    lines.emplace_back(head + printed(m.options()) + ")", &m);
    return;
  }
  lines.emplace_back(head, &m);
  for (const auto& [name, child] : children) list_lines(*child, "(" + name + "): ", indent + "  ", lines);
  lines.emplace_back(indent + ")", nullptr);
}

std::ostream& operator<<(std::ostream& out, const Module& module) {
  std::vector<Line> lines;
  list_lines(module, "", "", lines);
  for (size_t i = 0; i < lines.size(); ++i) out << (i == 0 ? "" : "\n") << lines[i].first;
  return out;
}

std::string summary(const Module& module) {
  std::vector<Line> lines;
  list_lines(module, "", "", lines);
  size_t width = 0;
  for (const Line& line : lines) width = std::max(width, line.first.size());
  std::ostringstream out;
  for (const auto& [text, m] : lines) {
    out << text;
    // Own parameters are those whose name has no dot.
    int64_t own = 0;
    if (m)
      for (const Parameter& p : m->named_parameters())
        if (p.name.find('.') == std::string::npos) own += p.tensor.numel();
    if (own > 0) {
      const std::string count = with_commas(own);
      out << std::string(width - text.size() + 2 + (count.size() < 11 ? 11 - count.size() : 0), ' ') << count;
    }
    out << '\n';
  }
  out << with_commas(module.num_parameters()) << " parameters\n";
  return out.str();
}

}  // namespace cairn::nn
