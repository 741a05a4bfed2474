// Every recorded operation is proven: the table of operations.h against the names that stand in the sources.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <string>

#include "cairn/activation/activation.h"
#include "cairn/autograd/backward.h"
#include "cairn/autograd/gradcheck.h"
#include "cairn/graph/record.h"
#include "cairn/tensor/create.h"
#include "operations.h"
#include "support.h"

using namespace cairn;

namespace {

using Names = std::set<std::string>;

// ---- the names in the sources ------------------------------------------------------------------------------------------

// Files where record is given a name that is no literal, and what its literals look like.
const std::map<std::string, std::pair<std::string, std::string>> named_elsewhere = {
    {"src/activation/apply.cpp", {"src/activation/activation.cpp", R"re(FormulaOperation>\("(\w+)")re"}},
    {"include/cairn/activation/gated.h", {"src/activation/gated.cpp", R"re(\nCAIRN_GATE\((\w+))re"}},
    {"src/ops/elementwise.cpp", {"include/cairn/math/rules.h", R"re(\bname = "(\w+)")re"}},
    {"src/ops/compare.cpp", {"src/ops/compare.cpp", R"re(\b(?:compare|logic|classify)\("(\w+)")re"}},
    {"src/ops/reduce.cpp", {"src/ops/reduce.cpp", R"re(\b(?:extremum|along_recorded|place)\("(\w+)")re"}},
    {"src/ops/softmax.cpp", {"src/ops/softmax.cpp", R"re(normalised_exponential\("(\w+)")re"}},
};
// Recorded in the sources, but not through the table: why.
const Names not_differentiated = {
    "allclose",  // compares whole tensors, and hands out one bool
};

std::string source_text(const std::string& path) { return cairn::testing::bytes_of(CAIRN_SOURCE_DIR "/" + path); }

Names matches(const std::string& text, const std::string& pattern) {
  Names found;
  const std::regex expression(pattern);
  for (std::sregex_iterator it(text.begin(), text.end(), expression), end; it != end; ++it) found.insert((*it)[1]);
  return found;
}

Names names_in_sources() {
  namespace fs = std::filesystem;
  Names found;
  for (const std::string root : {"src", "include"})
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(CAIRN_SOURCE_DIR) / root)) {
      const std::string path = fs::relative(entry.path(), CAIRN_SOURCE_DIR).generic_string();
      if ((!path.ends_with(".h") && !path.ends_with(".cpp")) || path.find("graph/record.") != std::string::npos)
        continue;
      const std::string text = std::regex_replace(source_text(path), std::regex("//[^\n]*"), "");
      found.merge(matches(text, R"re(\brecord(?:_fused)?\(\s*"(\w+)")re"));
      if (!std::regex_search(text, std::regex(R"re(\brecord(?:_fused)?\(\s*[^\s",)])re"))) continue;
      if (path == "include/cairn/ops/elementwise.h") {  // named by the catalogue, and by users
        for (const std::string& line : matches(source_text("include/cairn/activation/catalogue.h"),
                                               R"re(\nCAIRN_(?:ACTIVATION|FORMULA)\((\w+))re"))
          found.insert(line);
      } else if (const auto known = named_elsewhere.find(path); known != named_elsewhere.end()) {
        const Names more = matches(source_text(known->second.first), known->second.second);
        EXPECT_FALSE(more.empty()) << path;
        found.insert(more.begin(), more.end());
      } else {
        ADD_FAILURE() << path << ": record is given a name that is no literal; say in named_elsewhere how to find it";
      }
    }
  for (const std::string& name : not_differentiated) found.erase(name);
  return found;
}

// ---- the walk ------------------------------------------------------------------------------------------------------------

// Names of the operations that took part in a graph during its lifetime, or that have no place in one.
class Seen {
 public:
  explicit Seen(Names& names)
      : observer_([&names](const Operation& op) {
          if (op.output.requires_grad() || !is_float(op.output.dtype())) names.insert(op.name);
        }) {}

 private:
  Observer observer_;
};

TEST(EveryOperation, PassesBothCheckersInEveryLayout) {
  Names first, second;
  int64_t checked = 0, beside_kinks = 0;
  size_t number = 0;
  for (const cases::Case& c : cases::all()) {
    ++number;
    for (const cases::Layout layout : cases::layouts) {
      // Under a sanitizer each case takes its turn: what is read and written in every layout the tests below see.
      if (under_sanitizer() && layout != cases::layouts[number % std::size(cases::layouts)]) continue;
      SCOPED_TRACE(c.name + ", " + cases::name_of(layout));
      const cases::Inputs inputs = cases::leaves(cases::laid_out(c.inputs, layout));
      try {
        {
          const Seen seen(first);
          const GradReport report = gradcheck(c.f, inputs);
          EXPECT_TRUE(report) << report.text;
          checked += report.checked;
          beside_kinks += report.stepped_around;
        }
        const Seen seen(second);
        const GradReport report = gradgradcheck(c.f, inputs);
        EXPECT_TRUE(report) << report.text;
      } catch (const Error& e) {
        ADD_FAILURE() << e.what();
      }
    }
  }
  EXPECT_GT(checked, under_sanitizer() ? 1000 : 4000);
  EXPECT_EQ(beside_kinks, 0);

  const Names sources = names_in_sources();
  EXPECT_GT(sources.size(), 90u);
  for (const std::string& name : sources) {
    // Only gradients of gradients need the alias of a twin's input, and the backward of a view as a recorded operation.
    const bool only_second = name == "alias" || name.ends_with("_backward");
    EXPECT_TRUE(only_second || first.contains(name))
        << name << " was not run by gradcheck: add a case to operations.cpp";
    EXPECT_TRUE(second.contains(name)) << name << " was not run by gradgradcheck: add a case to operations.cpp";
  }
}

// ---- one value, one gradient, whatever the layout and the precision ---------------------------------------------------------

struct Result {
  std::vector<double> value;
  std::vector<std::vector<double>> grads;
};

Result result(const cases::Case& c, const cases::Inputs& inputs) {
  const Tensor y = c.f(inputs);
  Result r{y.to_vector<double>(), {}};
  std::vector<double> weights;
  for (size_t i = 0; i < r.value.size(); ++i) weights.push_back(static_cast<double>(i % 5) - 1.5);
  y.backward(from_vector(weights, y.shape()).to(y.dtype()));
  for (const Tensor& x : inputs)
    if (x.requires_grad()) r.grads.push_back(x.grad().defined() ? x.grad().to_vector<double>() : std::vector<double>());
  return r;
}

void expect_close(const std::vector<double>& a, const std::vector<double>& b, double tolerance) {
  ASSERT_EQ(a.size(), b.size());
  double size = 1;
  for (const double v : b) size = std::max(size, std::abs(v));
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], tolerance * size);
}

void expect_close(const Result& a, const Result& b, double tolerance) {
  expect_close(a.value, b.value, tolerance);
  ASSERT_EQ(a.grads.size(), b.grads.size());
  for (size_t i = 0; i < a.grads.size(); ++i) expect_close(a.grads[i], b.grads[i], tolerance);
}

TEST(EveryOperation, IsTheSameInEveryLayout) {
  const double rounding = 1e-14;  // sums may run in another order
  for (const cases::Case& c : cases::all()) {
    const Result expected = result(c, cases::leaves(c.inputs));
    for (const cases::Layout layout :
         {cases::Layout::transposed, cases::Layout::sliced, cases::Layout::channels_last}) {
      SCOPED_TRACE(c.name + ", " + cases::name_of(layout));
      expect_close(result(c, cases::leaves(cases::laid_out(c.inputs, layout))), expected, rounding);
    }
  }
}

TEST(EveryOperation, IsTheSameInSinglePrecision) {
  const double rounding = 2e-6;  // some 20 units in the last place: a few functions in a row, and short sums
  for (const cases::Case& c : cases::all()) {
    if (c.name == "to") continue;  // asks for f64
    SCOPED_TRACE(c.name);
    cases::Inputs single;
    for (const Tensor& x : c.inputs) single.push_back(is_float(x.dtype()) ? x.to(f32) : x);
    try {
      expect_close(result(c, cases::leaves(single)), result(c, cases::leaves(c.inputs)), rounding);
    } catch (const Error& e) {
      ADD_FAILURE() << e.what();
    }
  }
}

}  // namespace
