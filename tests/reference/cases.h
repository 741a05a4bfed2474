#pragma once
// Reads the reference vectors and holds operations to them; see README.md beside this file.

#include <gtest/gtest.h>

#include <cairn/cairn.h>

#include <cmath>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

namespace cairn::reference {

using Json = nlohmann::json;

inline constexpr double activation_tolerance = 1e-12;
inline constexpr double operation_tolerance = 1e-10;
inline constexpr double optimizer_tolerance = 1e-10;
inline constexpr double training_tolerance = 1e-9;

inline Json load(const std::string& name) {
  std::ifstream file(std::string(CAIRN_REFERENCE_DIR) + "/" + name + ".json");
  EXPECT_TRUE(file) << "missing: " << name;
  return Json::parse(file);
}

inline Tensor tensor_of(const Json& j) {
  return from_vector(j["data"].get<std::vector<double>>(), Shape(j["shape"].get<std::vector<int64_t>>()));
}

inline Tensor integers_of(const Json& j) {
  return from_vector(j["data"].get<std::vector<int64_t>>(), Shape(j["shape"].get<std::vector<int64_t>>()));
}

inline void expect_near(const Tensor& ours, const Json& theirs, double tolerance, const std::string& what) {
  ASSERT_EQ(ours.shape(), Shape(theirs["shape"].get<std::vector<int64_t>>())) << what;
  const auto a = ours.to_vector<double>(), b = theirs["data"].get<std::vector<double>>();
  for (size_t i = 0; i < a.size(); ++i)
    EXPECT_LE(std::abs(a[i] - b[i]), tolerance * std::max(1.0, std::abs(b[i])))
        << what << " at " << i << ": ours " << a[i] << ", theirs " << b[i];
}

// One case of an operation: what it is called with.
struct Case {
  Json params;
  std::map<std::string, Tensor> inputs, integers;

  const Tensor& operator()(const std::string& name) const { return inputs.at(name); }
  int64_t dim() const { return params["dim"].get<int64_t>(); }
  Dims dims(const char* name = "dims") const { return Dims(params[name].get<std::vector<int64_t>>()); }
};

using Operation = std::function<Tensor(const Case&)>;

// Runs the cases of a file that `operations` names; each of these must have one.
inline void check(const std::string& file, const std::map<std::string, Operation>& operations) {
  const Json whole = load(file);
  const Json& cases = whole["cases"];
  std::set<std::string> found;
  for (const Json& c : cases) {
    const std::string name = c["op"];
    if (!operations.contains(name)) continue;
    found.insert(name);
    SCOPED_TRACE(file + ": " + name + " " + c["params"].dump().substr(0, 80));
    Case given{c["params"], {}, {}};
    for (const auto& [key, value] : c["inputs"].items()) given.inputs[key] = tensor_of(value).requires_grad_();
    if (c.contains("int_inputs"))
      for (const auto& [key, value] : c["int_inputs"].items()) given.integers[key] = integers_of(value);
    const Tensor y = operations.at(name)(given);
    expect_near(y, c["output"], operation_tolerance, "output");
    y.backward(tensor_of(c["grad_output"]));
    for (const auto& [key, value] : c["grads"].items())
      expect_near(given.inputs[key].grad(), value, operation_tolerance, "gradient of " + key);
  }
  for (const auto& [name, operation] : operations) EXPECT_TRUE(found.contains(name)) << name << " has no case";
}

}  // namespace cairn::reference
