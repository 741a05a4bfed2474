#pragma once
// Pictures in files, through libpng: the optional component cairn::image (find_package(cairn COMPONENTS image)).

#include <string>
#include <vector>

#include "cairn/ops/pair.h"
#include "cairn/tensor/tensor.h"

namespace cairn::data {

/// A PNG picture of any colour type and depth, as (c, h, w) u8: c is 1 for grey pictures and 3 for colours and palettes.
/// Values are sRGB: a file that states another encoding (gAMA) is converted, one that states none is taken as it is. 16 bits
/// become 8. There is no alpha channel: what is transparent is laid on black, half transparent parts by light (linear).
///   throws  FileError when it cannot be read or is no PNG
Tensor read_png(const std::string& path);

/// Writes a picture, whole or not at all.
///   image   (c, h, w) u8, c 1 or 3
///   throws  ShapeError, DtypeError; FileError when it cannot be written
void write_png(const std::string& path, const Tensor& image);

/// A picture of another size: each pixel is the mean of what it covers, weighted by a triangle, or between its neighbours when
/// the picture grows (bilinear with antialiasing, centres aligned at half pixels).
///   image   (c, h, w) u8 with pixels
///   size    {height, width}, from 1
///   throws  ShapeError, DtypeError, ValueError
Tensor resize_image(const Tensor& image, IntPair size);

/// Pictures sorted into folders, one folder a class.
struct ImageFolder {
  Tensor images;                     ///< (n, c, h, w) u8
  Tensor labels;                     ///< (n,) i64, places in `classes`
  std::vector<std::string> classes;  ///< names of the folders, sorted
  std::vector<std::string> files;    ///< where each picture came from
};

struct ImageFolderOptions {
  IntPair size = 0;  ///< {height, width} that all pictures are brought to; 0: they must have one size
};

/// Reads all *.png (or *.PNG) in root/<class>/, sorted by class and name. When some pictures are grey and some are not, the
/// grey ones get three equal channels.
///   throws  FileError for no such folder, no class, a class without pictures, and without a size for pictures of
///           different ones, naming the file; as read_png. ValueError for a size below 0, or with one 0
ImageFolder load_image_folder(const std::string& root, const ImageFolderOptions& options = {});

}  // namespace cairn::data
