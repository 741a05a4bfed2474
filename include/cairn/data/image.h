#pragma once
// Pictures in files, through libpng: the optional component cairn::image (find_package(cairn COMPONENTS image)).

#include <string>
#include <vector>

#include "cairn/tensor/tensor.h"

namespace cairn::data {

/// A PNG picture of any colour type and depth, as (c, h, w) u8: c is 1 for grey pictures and 3 for colours. Transparent
/// parts are laid on black; 16 bits become 8.
///   throws  FileError when it cannot be read or is no PNG
Tensor read_png(const std::string& path);

/// Writes a picture.
///   image   (c, h, w) u8, c 1 or 3
///   throws  ShapeError, DtypeError; FileError when it cannot be written
void write_png(const std::string& path, const Tensor& image);

/// Pictures sorted into folders, one folder a class.
struct ImageFolder {
  Tensor images;                     ///< (n, c, h, w) u8
  Tensor labels;                     ///< (n,) i64, places in `classes`
  std::vector<std::string> classes;  ///< names of the folders, sorted
  std::vector<std::string> files;    ///< where each picture came from
};

/// Reads all *.png below root/<class>/, sorted by class and name. When some pictures are grey and some are not, the grey
/// ones get three equal channels.
///   throws  FileError for no such folder, no class, a class without pictures, and pictures of different sizes, naming the
///           file; as read_png
ImageFolder load_image_folder(const std::string& root);

}  // namespace cairn::data
