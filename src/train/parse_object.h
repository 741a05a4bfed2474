#pragma once
// JSON in the files of a run, which others may have written.

#include <optional>
#include <string>

#include "cairn/base/json.h"

namespace cairn::train {

/// The JSON object that the text is; nothing for a text that is none, or one that is nested so deep (past 32 levels) that
/// to copy or to print it, which goes as deep, might take more stack than there is.
std::optional<Json> parse_object(const std::string& text);

}  // namespace cairn::train
