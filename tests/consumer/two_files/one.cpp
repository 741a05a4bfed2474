// With two.cpp: both include everything, so anything in a header that is not inline is defined twice and fails to link.
#include <cairn/cairn.h>

float twice(const cairn::Tensor& x);

int main() { return twice(cairn::ones({2, 2})) == 8.0F ? 0 : 1; }
