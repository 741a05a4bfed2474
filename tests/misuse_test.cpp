// Everything a user can get wrong ends in an exception that names the operation, what is wrong and what was given.
#include <cairn/cairn.h>

#include <gtest/gtest.h>
#include <zlib.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <typeinfo>

namespace cairn {
namespace {

struct Misuse {
  const char* what;
  std::function<void()> act;
  const std::type_info& kind;
  std::vector<std::string> says;  // all of these stand in the message
};

template <class E>
Misuse misuse(const char* what, std::function<void()> act, std::vector<std::string> says) {
  return {what, std::move(act), typeid(E), std::move(says)};
}

// Files that are wrong in one way each.
class Files {
 public:
  Files() : folder_(std::filesystem::temp_directory_path() / ("cairn-misuse-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~Files() { std::filesystem::remove_all(folder_); }
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;

  std::string plain(const std::string& name, const std::string& bytes) const {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return folder_ / name;
  }
  std::string gzip(const std::string& name, const std::string& bytes, size_t cut = 0, size_t flip = 0) const {
    const std::string path = folder_ / name;
    gzFile out = gzopen(path.c_str(), "wb");
    gzwrite(out, bytes.data(), static_cast<unsigned>(bytes.size()));
    gzclose(out);
    std::ifstream in(path, std::ios::binary);
    std::string packed((std::istreambuf_iterator<char>(in)), {});
    packed.resize(packed.size() - cut);
    if (flip != 0) packed[packed.size() - flip] = static_cast<char>(packed[packed.size() - flip] ^ 0x55);
    return plain(name, packed);
  }
  std::string folder() const { return folder_; }

 private:
  std::filesystem::path folder_;
};

// An IDX header: type of element, sizes.
std::string idx(int type, std::initializer_list<uint32_t> sizes) {
  std::string bytes{0, 0, static_cast<char>(type), static_cast<char>(sizes.size())};
  for (const uint32_t n : sizes)
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(n >> shift);
  return bytes;
}

std::vector<Misuse> tensors() {
  const Tensor x = ones({2, 3});
  return {
      misuse<ShapeError>("nine dimensions",
                         [] {
                           zeros(Shape{1, 1, 1, 1, 1, 1, 1, 1, 1});
                         },
                         {"8"}),
      misuse<ShapeError>("negative size",
                         [] {
                           zeros({2, -1});
                         },
                         {"negative", "(2, -1)"}),
      misuse<ShapeError>("a size beyond memory",
                         [] {
                           zeros({int64_t{1} << 40, int64_t{1} << 40});
                         },
                         {"TiB"}),
      misuse<ShapeError>("ragged list",
                         [] {
                           tensor({{1., 2.}, {3.}});
                         },
                         {"tensor"}),
      misuse<ShapeError>("vector of another length",
                         [] {
                           from_vector(std::vector<float>{1, 2, 3}, {2, 2});
                         },
                         {"3", "(2, 2)"}),
      misuse<DtypeError>("half in an integer", [] { full({2}, 0.5, i64); }, {"full", "0.5"}),
      misuse<ValueError>("arange that never ends", [] { arange(0, 10, 0); }, {"arange", "step"}),
      misuse<ValueError>("linspace of a negative count", [] { linspace(0, 1, -2); }, {"linspace", "-2"}),
      misuse<ValueError>("randint of an empty range", [] { randint(3, 3, {2}); }, {"randint", "3"}),
      misuse<ValueError>("undefined tensor", [] { Tensor().shape(); }, {"before it was given a value"}),
      misuse<ShapeError>("item of many", [=] { x.item<float>(); }, {"item", "one element", "(2, 3) f32"}),
      misuse<DtypeError>("data of another type", [=] { (void)std::as_const(x).data<double>(); },
                         {"data", "f64", "(2, 3) f32"}),
      misuse<ShapeError>("data of a transposed",
                         [=] {
                           const Tensor t = x.t();
                           (void)t.data<float>();
                         },
                         {"contiguous()"}),
      misuse<IndexError>("size of no dimension", [=] { x.size(2); }, {"size", "dim 2"}),
  };
}

std::vector<Misuse> views() {
  const Tensor x = ones({2, 3});
  return {
      misuse<ShapeError>("reshape to another count", [=] { x.reshape({4}); }, {"reshape", "(2, 3)", "(4,)"}),
      misuse<ShapeError>("reshape with two unknowns",
                         [=] {
                           x.reshape({-1, -1});
                         },
                         {"reshape", "-1"}),
      misuse<ShapeError>("view that needs a copy", [=] { x.t().view({6}); }, {"view"}),
      misuse<ShapeError>("transpose of a cube as a matrix",
                         [] {
                           ones({2, 2, 2}).t();
                         },
                         {"t:", "(2, 2, 2)"}),
      misuse<IndexError>("permute twice the same",
                         [=] {
                           x.permute({0, 0});
                         },
                         {"permute", "(0, 0)"}),
      misuse<IndexError>("select past the end", [=] { x.select(0, 2); }, {"select", "2"}),
      misuse<IndexError>("index of a scalar", [] { tensor(1.5)[0]; }, {"dimension"}),
      misuse<ValueError>("slice backwards", [=] { x.slice(1, 0, 3, -1); }, {"slice", "-1"}),
      misuse<IndexError>("narrow past the end", [=] { x.narrow(1, 2, 2); }, {"narrow"}),
      misuse<ShapeError>("expand of a real size",
                         [=] {
                           x.expand({2, 5});
                         },
                         {"expand", "(2, 3)", "(2, 5)"}),
      misuse<ShapeError>("split that does not add up",
                         [=] {
                           x.split(std::vector<int64_t>{1, 1}, 1);
                         },
                         {"split"}),
      misuse<ValueError>("no chunks", [=] { x.chunk(0, 0); }, {"chunk", "0"}),
  };
}

std::vector<Misuse> operations() {
  const Tensor x = ones({2, 3}), y = ones({4}), whole = ones({2, 3}, i64);
  return {
      misuse<ShapeError>("add of shapes apart", [=] { x + y; }, {"add", "(2, 3)", "(4,)"}),
      misuse<DtypeError>("add of dtypes apart",
                         [=] {
                           x + ones({2, 3}, f64);
                         },
                         {"add", "f32", "f64", "to("}),
      misuse<DtypeError>("division of integers", [=] { whole / whole; }, {"div", "to(f32)"}),
      misuse<DtypeError>("a half beside integers", [=] { whole * 0.5; }, {"mul", "0.5", "to(f32)"}),
      misuse<DtypeError>("exp of integers", [=] { exp(whole); }, {"exp", "i64", "to(f32)"}),
      misuse<DtypeError>("mean of integers", [=] { mean(whole); }, {"mean", "to(f32)"}),
      misuse<ValueError>("clamp upside down", [=] { clamp(x, 2.0, 1.0); }, {"clamp", "2", "1"}),
      misuse<DtypeError>("where without a mask", [=] { where(x, x, x); }, {"where", "bool"}),
      misuse<DtypeError>("logic of numbers", [=] { logical_and(x, x); }, {"logical_and", "bool"}),
      misuse<IndexError>("sum over no dimension", [=] { sum(x, {2}); }, {"sum", "dim 2"}),
      misuse<IndexError>("sum over one twice",
                         [=] {
                           sum(x, {0, -2});
                         },
                         {"sum", "twice"}),
      misuse<ShapeError>("max of nothing", [] { max(zeros({0})); }, {"max", "(0,)"}),
      misuse<ShapeError>("matmul of inner sizes apart", [=] { matmul(x, x); }, {"matmul", "inner sizes", "(2, 3) f32"}),
      misuse<ShapeError>("matmul of a scalar", [=] { matmul(x, tensor(1.5)); }, {"matmul", "()"}),
      misuse<DtypeError>("matmul of integers", [=] { matmul(whole, whole.t()); }, {"matmul", "to(f32)"}),
      misuse<ShapeError>("linear of the wrong width",
                         [=] {
                           linear(x, ones({5, 4}));
                         },
                         {"linear", "(2, 3)", "(5, 4)"}),
      misuse<ValueError>("cat of nothing", [] { cat({}); }, {"cat"}),
      misuse<ShapeError>("cat of shapes apart",
                         [=] {
                           cat({x, ones({2, 4})}, 0);
                         },
                         {"cat", "(2, 4)"}),
      misuse<ShapeError>("stack of shapes apart",
                         [=] {
                           stack({x, y});
                         },
                         {"stack"}),
      misuse<IndexError>("index out of range",
                         [=] {
                           index_select(x, 1, tensor({0, 3}));
                         },
                         {"index_select", "3"}),
      misuse<DtypeError>("index that is no integer",
                         [=] {
                           index_select(x, 1, tensor({0., 1.}));
                         },
                         {"index_select", "i64"}),
      misuse<IndexError>("gather out of range",
                         [=] {
                           gather(x, 1, tensor({{-1}, {0}}));
                         },
                         {"gather", "-1"}),
      misuse<IndexError>("one_hot out of range",
                         [] {
                           one_hot(tensor({0, 5}), 3);
                         },
                         {"one_hot", "5", "3"}),
      misuse<ValueError>("topk of too many", [=] { topk(x, 4, 1); }, {"topk", "4"}),
      misuse<ShapeError>("pad of an odd count", [=] { pad(x, {1}); }, {"pad"}),
      misuse<IndexError>("softmax over no dimension", [=] { softmax(x, 2); }, {"softmax", "dim 2"}),
      misuse<ShapeError>("layer_norm of another width", [=] { layer_norm(x, {4}); }, {"layer_norm", "(2, 3)"}),
  };
}

std::vector<Misuse> losses() {
  const Tensor logits = zeros({2, 3});
  return {
      misuse<IndexError>("label out of range",
                         [=] {
                           cross_entropy(logits, tensor({0, 3}));
                         },
                         {"cross_entropy", "3", "label"}),
      misuse<IndexError>("negative label",
                         [=] {
                           cross_entropy(logits, tensor({-1, 0}));
                         },
                         {"cross_entropy", "-1"}),
      misuse<ShapeError>("labels of another count",
                         [=] {
                           cross_entropy(logits, tensor({0, 1, 2}));
                         },
                         {"cross_entropy", "(2, 3)", "(3,)"}),
      misuse<DtypeError>("labels as floats",
                         [=] {
                           cross_entropy(logits, tensor({0., 1.}));
                         },
                         {"cross_entropy"}),
      misuse<ValueError>("smoothing above one",
                         [=] {
                           cross_entropy(logits, tensor({0, 1}), {.label_smoothing = 1.5});
                         },
                         {"smoothing", "1.5"}),
      misuse<ShapeError>("weight of another width",
                         [=] {
                           cross_entropy(logits, tensor({0, 1}), {.weight = ones({4})});
                         },
                         {"weight", "(4,)"}),
      misuse<ShapeError>("mse of shapes apart", [=] { mse_loss(logits, zeros({2})); }, {"mse_loss", "(2, 3)", "(2,)"}),
      misuse<ValueError>("huber without width", [=] { huber_loss(logits, logits, {.delta = 0}); },
                         {"huber_loss", "delta"}),
  };
}

std::vector<Misuse> gradients() {
  return {
      misuse<GraphError>("backward of many", [] { (ones({3}).requires_grad_() * 2.0).backward(); },
                         {"backward", "(3,) f32", "sum()"}),
      misuse<GraphError>("backward without a graph", [] { ones({1}).backward(); }, {"requires_grad_()"}),
      misuse<GraphError>("backward twice",
                         [] {
                           const Tensor y = sum(square(ones({3}).requires_grad_()));
                           y.backward();
                           y.backward();
                         },
                         {"freed", "retain_graph"}),
      misuse<GraphError>("an input modified in place",
                         [] {
                           Tensor x = ones({3}), w = ones({3}).requires_grad_();
                           const Tensor y = sum(w * x);
                           x.add_(1);
                           y.backward();
                         },
                         {"mul", "input 1", "modified in place"}),
      misuse<GraphError>("a parameter modified while recording", [] { ones({3}).requires_grad_().add_(1); },
                         {"add_", "NoGrad"}),
      misuse<DtypeError>("gradient of integers", [] { ones({3}, i64).requires_grad_(); }, {"i64"}),
      misuse<ShapeError>("seed of another shape", [] { (ones({3}).requires_grad_() * 2.0).backward(ones({2})); },
                         {"(3,)", "(2,)"}),
      misuse<GraphError>("an input that is not used",
                         [] {
                           const Tensor a = ones({1}).requires_grad_(), b = ones({1}).requires_grad_();
                           grad({a * 2.0}, {b});
                         },
                         {"grad", "allow_unused"}),
      misuse<DtypeError>(
          "gradcheck in f32",
          [] { gradcheck([](const std::vector<Tensor>& in) { return in[0] * 2.0; }, {ones({2}).requires_grad_()}); },
          {"f64"}),
  };
}

std::vector<Misuse> models() {
  return {
      misuse<NameError>("activation mistyped", [] { nn::Activation("gleu"); }, {"gleu", "gelu", "relu"}),
      misuse<Error>("activation without a closing bracket", [] { nn::Activation("elu(0.5"); }, {"elu(0.5"}),
      misuse<Error>("activation with too many numbers", [] { nn::Activation("relu(1, 2)"); }, {"relu"}),
      misuse<ValueError>("a layer of no width", [] { nn::Linear(3, 0); }, {"Linear", "0"}),
      misuse<ShapeError>("a layer fed the wrong width",
                         [] {
                           nn::Linear(3, 2)(ones({4, 5}));
                         },
                         {"linear", "(4, 5)"}),
      misuse<IndexError>("a layer that is not there", [] { nn::Sequential(nn::Linear(3, 2))[1]; }, {"Sequential", "1"}),
      misuse<NameError>("state with other names",
                        [] {
                          nn::Linear(3, 2).load_state_dict({{"w", ones({2, 3})}});
                        },
                        {"weight", "w"}),
      misuse<ShapeError>("state of another shape",
                         [] {
                           nn::Linear(3, 2).load_state_dict({{"weight", ones({3, 2})}, {"bias", ones({2})}});
                         },
                         {"weight", "(2, 3)", "(3, 2)"}),
      misuse<NameError>("gain of no activation", [] { nn::init::calculate_gain("rleu"); }, {"rleu", "relu"}),
      misuse<ValueError>("negative learning rate", [] { optim::SGD({ones({1}).requires_grad_()}, {.lr = -1}); },
                         {"lr", "-1"}),
      misuse<ValueError>("nothing to optimise", [] { optim::AdamW({}); }, {"AdamW", "parameter"}),
      misuse<ValueError>("Nesterov without momentum",
                         [] { optim::SGD({ones({1}).requires_grad_()}, {.nesterov = true}); }, {"momentum"}),
      misuse<ShapeError>("labels for other samples",
                         [] {
                           data::TensorDataset(ones({3, 2}), ones({2}, i64));
                         },
                         {"(3, 2)", "(2,)"}),
      misuse<ValueError>("batches of nothing",
                         [] {
                           const data::TensorDataset set(ones({3, 2}), ones({3}, i64));
                           data::DataLoader(set, {.batch_size = 0});
                         },
                         {"batch", "0"}),
  };
}

std::vector<Misuse> files(const Files& f) {
  const std::string good = idx(8, {2, 2}) + "abcd";
  const auto read = [](std::string path) { return [path] { data::read_idx(path); }; };
  return {
      misuse<FileError>("no such file", read(f.folder() + "/none"), {"/none"}),
      misuse<FileError>("a folder as a file", read(f.folder()), {f.folder()}),
      misuse<FileError>("empty file", read(f.plain("empty", "")), {"/empty", "empty"}),
      misuse<FileError>("wrong magic", read(f.plain("magic", "hello, world")), {"/magic", "IDX"}),
      misuse<FileError>("floats", read(f.plain("floats", idx(0x0D, {1}) + "abcd")),
                        {"/floats", "32-bit floats", "bytes"}),
      misuse<FileError>("header cut short", read(f.plain("header", idx(8, {2, 2}).substr(0, 9))), {"/header"}),
      misuse<FileError>("data cut short", read(f.plain("short", good.substr(0, good.size() - 1))), {"/short"}),
      misuse<FileError>("data too long", read(f.plain("long", good + "e")), {"/long"}),
      misuse<FileError>("a count that lies", read(f.plain("lies", idx(8, {0xFFFFFFFF, 0xFFFFFFFF}) + "abcd")),
                        {"/lies"}),
      misuse<FileError>("gzip cut short", read(f.gzip("cut.gz", good, 6)), {"/cut.gz"}),
      misuse<FileError>("gzip with a wrong checksum", read(f.gzip("crc.gz", good, 0, 6)), {"/crc.gz"}),
      misuse<FileError>("gzip of a count that lies", read(f.gzip("bomb.gz", idx(8, {1}) + std::string(100000, 'x'))),
                        {"/bomb.gz"}),
      misuse<FileError>("no data set in a folder", [&f] { data::load_mnist(f.folder()); }, {"train-images"}),
      misuse<FileError>("a data folder that is none", [] { data::find_data("mnist", "/nowhere/at/all"); },
                        {"/nowhere/at/all"}),
  };
}

TEST(Misuse, EndsInAMessageThatHelps) {
  const Files folder;
  int count = 0;
  for (const auto& group : {tensors(), views(), operations(), losses(), gradients(), models(), files(folder)})
    for (const Misuse& m : group) {
      SCOPED_TRACE(m.what);
      ++count;
      try {
        m.act();
        ADD_FAILURE() << "nothing was thrown";
      } catch (const Error& e) {
        const std::string text = e.what();
        EXPECT_TRUE(m.kind == typeid(Error) || m.kind == typeid(e))
            << "another kind: " << typeid(e).name() << ": " << text;
        for (const std::string& part : m.says)
          EXPECT_NE(text.find(part), std::string::npos) << "\"" << text << "\" does not say \"" << part << "\"";
        EXPECT_NE(text.find(':'), std::string::npos) << "no operation named in: " << text;
      } catch (const std::exception& e) {
        ADD_FAILURE() << "not an error of ours: " << typeid(e).name() << ": " << e.what();
      }
    }
  EXPECT_GE(count, 50);
}

TEST(Misuse, LeavesEverythingAsItWas) {
  Tensor x = arange(6).to(f32).reshape({2, 3});
  const std::vector<float> before = x.to_vector<float>();
  EXPECT_THROW(x.add_(ones({4})), ShapeError);
  EXPECT_THROW(x.copy_(ones({3, 2})), ShapeError);
  EXPECT_THROW(x.mul_(ones({7})), ShapeError);
  EXPECT_EQ(x.to_vector<float>(), before);

  nn::Linear layer(3, 2);
  const std::vector<float> weight = layer.weight.to_vector<float>();
  EXPECT_THROW(layer.load_state_dict({{"weight", ones({2, 3})}, {"bias", ones({5})}}), ShapeError);
  EXPECT_EQ(layer.weight.to_vector<float>(), weight) << "half a state was loaded";

  Tensor a = ones({2}).requires_grad_(), b = ones({2});
  const Tensor y = sum(a * b) + sum(a * 3.0);
  b.mul_(2);
  EXPECT_THROW(y.backward(), GraphError);
  EXPECT_FALSE(a.grad().defined()) << "half a gradient was added";
}

}  // namespace
}  // namespace cairn
