#pragma once
// Texts from files, and a part of them held out.

#include <string>

namespace cairn::data {

/// The bytes of a file, plain or gzip (told by its content, not by its name).
///   throws  FileError when it cannot be read, or gzip data are damaged
std::string read_text(const std::string& path);

/// A text to train on, and one to test with.
struct TextParts {
  std::string train, test;
};

/// Holds out the end of a text, cut where a line begins; without such a place, between two bytes that both are ASCII.
///   held_out  its share, in (0, 1)
///   throws    ValueError for another share, and when a part would be empty
TextParts split_text(const std::string& text, double held_out = 0.1);

/// Tiny Shakespeare: 40,000 lines of his plays, 1.1 MB of ASCII (A. Karpathy 2015, "The unreasonable effectiveness of
/// recurrent neural networks"). The last tenth is held out.
///   folder  where input.txt or input.txt.gz is; find_data("tiny-shakespeare", …, has_tiny_shakespeare) looks for it
///   throws  FileError when it is missing, damaged or too short to be cut
TextParts load_tiny_shakespeare(const std::string& folder);

/// Whether the file is in the folder.
bool has_tiny_shakespeare(const std::string& folder);

}  // namespace cairn::data
