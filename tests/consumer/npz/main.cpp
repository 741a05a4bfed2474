// A program outside the library that uses the component cairn::npz.
#include <cairn/io/npz.h>
#include <cairn/tensor/create.h>
#include <cstdio>
int main() {
  cairn::io::save_npz("consumer.npz", {{"x", cairn::full({3, 4, 5}, 7)}}, {.compressed = true});
  const bool ok = cairn::io::load_npz("consumer.npz").at("x").shape() == cairn::Shape({3, 4, 5});
  std::puts(ok ? "an array, written and read" : "not the array that was written");
  return ok ? 0 : 1;
}
