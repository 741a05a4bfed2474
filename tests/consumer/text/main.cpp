// A program outside the library that uses the component cairn::text.
#include <cairn/data/train_wordpiece.h>
#include <cstdio>
int main() {
  const cairn::data::WordPieceTokenizer tokenizer(cairn::data::train_wordpiece("the café, the cafe", 40));
  const bool ok = tokenizer.decode(tokenizer.encode("The CAFÉ").ids) == "the cafe";
  std::puts(ok ? "a text, to tokens and back" : "not the text that was encoded");
  return ok ? 0 : 1;
}
