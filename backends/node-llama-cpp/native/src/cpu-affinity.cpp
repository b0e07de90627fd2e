#include "cpu-affinity.h"

#ifdef __linux__
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace vserve {

#ifdef __linux__

std::vector<int> process_cpus() {
    std::vector<int> cpus;
    cpu_set_t allowed;
    // Those of the main thread, which ggml does not pin.
    if (sched_getaffinity(getpid(), sizeof(allowed), &allowed) == 0) {
        for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
            if (CPU_ISSET(cpu, &allowed)) {
                cpus.push_back(cpu);
            }
        }
    }
    return cpus;
}

int this_thread_id() {
    return static_cast<int>(syscall(SYS_gettid));
}

#else

std::vector<int> process_cpus() {
    return {};
}

int this_thread_id() {
    return -1;
}

#endif

}  // namespace vserve
