#pragma once
// A program that trains a classifier of small images, shows how it goes and what came of it.

#include "support/settings.h"

namespace support {

/// The whole of `main`: reads the options, trains (or loads), saves, draws the curves, and looks at the test images
/// once.
///   returns  0; 2 when options or data were wrong, before anything was printed but by a download; 1 when it failed
///            later. What was wrong stands on stderr
int run_classifier(int argc, char** argv, const Task& task);

}  // namespace support
