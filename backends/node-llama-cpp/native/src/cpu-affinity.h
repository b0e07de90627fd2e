#pragma once

#include <vector>

namespace vserve {

// Which CPUs threads run on. Only Linux says and decides; elsewhere there are no CPUs and ids to know.

// The CPUs that this process may use, in ascending order.
std::vector<int> process_cpus();
// The operating system's id of the calling thread; -1 if unknown.
int this_thread_id();
// Lets a thread of this process run on these CPUs only, from now on.
void keep_on_cpus(int thread_id, const std::vector<int> & cpus);

}  // namespace vserve
