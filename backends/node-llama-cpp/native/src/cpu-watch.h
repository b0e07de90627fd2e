#pragma once

#include <cstdint>
#include <vector>

#include "thread-governor.h"

namespace vserve {

// Finds out whether other programs compete for the CPUs. On Linux from /proc; elsewhere it knows nothing. Times are of a
// monotonic clock.
class CpuWatch {
  public:
    // For the threads of a pool, by their ids of the operating system.
    CpuWatch(const std::vector<int> & thread_ids, double now_ms);
    ~CpuWatch();
    CpuWatch(const CpuWatch &) = delete;
    CpuWatch & operator=(const CpuWatch &) = delete;

    // Before the first step after a pause: what the threads waited for until now is not counted.
    void resume(double now_ms);

    // Of the first `n_threads` threads, during the last tens of milliseconds. Cheap: call it after each step.
    // `wants_free_cpus`: also if no thread waits.
    const CpuPressure & pressure(int32_t n_threads, bool wants_free_cpus, double now_ms);

  private:
    struct Watched {
        int file;
        uint64_t ran_ns = 0;
        uint64_t waited_ns = 0;
    };
    struct Usage {
        double at_ms = 0;
        double idle_ms = 0;  // of the CPUs that this process may use
        double own_ms = 0;
    };

    static bool waited(Watched & thread);
    bool read_usage(Usage & usage) const;
    void measure_free_cpus(double now_ms);

    std::vector<Watched> threads_;
    std::vector<int> cpus_;  // that this process may use
    CpuPressure pressure_;
    double counted_at_ms_ = 0;
    Usage usage_;
};

}  // namespace vserve
