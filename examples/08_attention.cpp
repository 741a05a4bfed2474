// Lesson 8: attention by hand: each place of a sequence asks all others, and takes what answers best.
#include <cairn/cairn.h>

#include <cmath>
#include <cstdio>
#include <iostream>

using namespace cairn;

namespace {

constexpr int64_t pairs = 6, keys = 6, values = 8, width = 32;

// The task: six notes, each a key and a value, in any order, and behind them a key alone. What was its value?
//   c3 a7 f1 b4 e4 d0  e?  →  4
// A note is one token, key · 8 + value; a question is a token of its own, 48 + key.
data::Batch notes(int64_t n, Generator& random) {
  std::vector<int64_t> tokens, answers;
  for (int64_t i = 0; i < n; ++i) {
    const auto order = randperm(keys, random).to_vector<int64_t>();
    std::vector<int64_t> value_of(keys);
    for (const int64_t key : order) {
      value_of[static_cast<size_t>(key)] = random.integer(values);
      tokens.push_back(key * values + value_of[static_cast<size_t>(key)]);
    }
    const int64_t asked = random.integer(keys);
    tokens.push_back(keys * values + asked);
    answers.push_back(value_of[static_cast<size_t>(asked)]);
  }
  return {from_vector(tokens).reshape({n, pairs + 1}), from_vector(answers)};
}

// Softmax of how well each key fits each query, and that mixture of the values:
//   attention(q, k, v) = softmax(q kᵀ / √width) v
// Without the root the scores of wide vectors would be large, and the softmax all but one-hot: nothing to learn from.
Tensor weights_of(const Tensor& q, const Tensor& k) {
  return softmax(matmul(q, k.transpose(1, 2)) / std::sqrt(static_cast<double>(q.size(2))), 2);
}

// Tokens become vectors; three linear layers make of each vector what it asks (query), what it answers to (key) and what
// it has to say (value). The place of the question then holds a mixture of all values, from which the answer is read.
struct Reader : nn::Layer {
  bool attends;
  nn::Embedding& embedding = add("embedding", nn::Embedding(keys* values + keys, width));
  nn::Linear& query = add("query", nn::Linear(width, width));
  nn::Linear& key = add("key", nn::Linear(width, width));
  nn::Linear& value = add("value", nn::Linear(width, width));
  nn::Linear& answer = add("answer", nn::Linear(2 * width, values));

  explicit Reader(bool attends) : attends(attends) {}

  // (n, 7, 7): how much each place looks at each other.
  Tensor look(const Tensor& tokens) {
    const Tensor x = embedding(tokens);
    return weights_of(query(x), key(x));
  }
  Tensor forward(const Tensor& tokens) override {
    const Tensor x = embedding(tokens);
    // Without attention every place is worth the same: a mean, which forgets which value belonged to which key.
    const Tensor mixed = attends ? matmul(weights_of(query(x), key(x)), value(x)) : mean(value(x), {1}, true) + x * 0.0;
    return answer(cat({mixed, x}, 2).select(1, pairs));
  }
};

double learn(Reader& model, const data::Batch& tested) {
  Generator random(1);
  optim::AdamW optimizer(model.parameters(), {.lr = 5e-3});
  for (int step = 0; step < 1000; ++step) {
    const data::Batch batch = notes(128, random);
    optimizer.zero_grad();
    cross_entropy(model(batch.x), batch.y).backward();
    optimizer.step();
  }
  const NoGrad no_grad;
  return mean((argmax(model(tested.x), 1) == tested.y).to(f32)).item<double>();
}

}  // namespace

int main() {
  // By hand and by the library: the same numbers. The library's way never holds the table of all scores, so that its
  // memory grows with the length of a sequence and not with its square, and takes heads, masks and dropout.
  manual_seed(1);
  const Tensor q = randn({2, 5, 8}), k = randn({2, 5, 8}), v = randn({2, 5, 8});
  const Tensor by_hand = matmul(weights_of(q, k), v);
  const Tensor ready = scaled_dot_product_attention(q.unsqueeze(1), k.unsqueeze(1), v.unsqueeze(1)).squeeze(1);
  const double difference = max(abs(by_hand - ready)).item<double>();
  std::printf("Attention by hand and ready-made differ by %.1g.\n\n", difference);

  Generator random(2);
  const data::Batch tested = notes(1000, random);
  manual_seed(1);
  Reader plain(false), reader(true);
  const double without = learn(plain, tested), with = learn(reader, tested);
  std::printf(
      "Questions answered after 1000 steps:\n  a mean of all notes  %5.1f %%\n  attention            %5.1f %%\n\n",
      100 * without, 100 * with);

  // Where it looks: the last place, at each of the notes.
  const NoGrad no_grad;
  const auto tokens = tested.x[0].to_vector<int64_t>();
  const auto looks = reader.look(tested.x.slice(0, 0, 1))[0][pairs].to_vector<float>();
  std::puts("Where the question looks, in the first of them:");
  for (size_t i = 0; i <= pairs; ++i) {
    const auto token = static_cast<int>(tokens[i]);
    const bool note = token < keys * values;
    std::printf("  %c%c %5.1f %%\n", static_cast<char>('a' + (note ? token / values : token - keys * values)),
                note ? static_cast<char>('0' + token % values) : '?', 100 * static_cast<double>(looks[i]));
  }
  std::puts(
      "\nSeveral such heads side by side are nn::MultiheadAttention; with a feed-forward layer and two norms behind "
      "it\n"
      "they are nn::TransformerEncoderLayer; a stack of those is BERT: ./run bert.");
  return with > 0.9 && without < 0.5 && difference < 1e-5 ? 0 : 1;
}
