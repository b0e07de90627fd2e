#pragma once

#include <vector>

namespace vserve {

// CPUs and threads, as the operating system knows them. Only Linux says; elsewhere there are none.

// The CPUs that this process may use, in ascending order.
std::vector<int> process_cpus();
// The operating system's id of the calling thread; -1 if unknown.
int this_thread_id();

}  // namespace vserve
