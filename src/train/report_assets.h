#pragma once
// The page that a report is, as CMake put it together from report.html, report.css, report.js and Chart.js.

namespace cairn::train::report_assets {

extern const char* const page;  // with @CONNECT@, @LIVE@ and @DATA@ to be filled in
extern const bool has_charts;   // Chart.js was there

}  // namespace cairn::train::report_assets
