// A program outside the library that uses the component cairn::image.
#include <cairn/data/image.h>
#include <cairn/tensor/create.h>
#include <cstdio>
int main() {
  cairn::data::write_png("consumer.png", cairn::full({3, 4, 5}, 7, cairn::u8));
  const bool ok = cairn::data::read_png("consumer.png").shape() == cairn::Shape({3, 4, 5});
  std::puts(ok ? "a picture, written and read" : "not the picture that was written");
  return ok ? 0 : 1;
}
