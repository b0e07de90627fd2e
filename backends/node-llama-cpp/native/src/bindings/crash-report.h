#pragma once

#include <string>
#include <vector>

namespace vserve {

// A model file is mapped into memory. Where it is cut short while it is served, the next look at what is gone ends the
// process by SIGBUS: a line on stderr then names the files that are not as they were, before the process ends all the same.
// Call it with all files of the models that are served; the last call counts. Does nothing on Windows.
void explain_bus_errors(const std::vector<std::string> & paths);

}  // namespace vserve
