#pragma once
// JSON in files that others may have written: those of a run, a model's config.

#include <optional>
#include <string>

#include "cairn/base/json.h"

namespace cairn::train {

/// The JSON object that the text is; nothing for a text that is none, or one that is nested so deep (past 32 levels) that
/// to copy or to print it, which goes as deep, might take more stack than there is.
std::optional<Json> parse_object(const std::string& text);

}  // namespace cairn::train
