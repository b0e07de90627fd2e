#pragma once

#include <string>
#include <vector>

namespace vserve {

// Model files are mapped into memory: if one is truncated while it is served, the next access beyond its end raises SIGBUS,
// which ends the process. This adds a line on stderr that names the files which changed since the call. Pass all files of
// the served models; the last call counts. Does nothing on Windows.
void explain_bus_errors(const std::vector<std::string> & paths);

}  // namespace vserve
