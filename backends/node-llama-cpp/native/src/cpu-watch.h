#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "thread-governor.h"

namespace vserve {

// Finds out whether other programs compete for the CPUs. On Linux from /proc; elsewhere it knows nothing. Times are of a
// monotonic clock.
class CpuWatch {
  public:
    // For the threads of a pool, by their ids of the operating system. Of several teams, one computes at a time: what their
    // first threads do counts as one, and so on. `throttle_counter`: a control group's cpu.stat, or empty where none limits
    // the CPU time of the process.
    CpuWatch(const std::vector<std::vector<int>> & thread_ids, const std::string & throttle_counter, double now_ms);
    ~CpuWatch();
    CpuWatch(const CpuWatch &) = delete;
    CpuWatch & operator=(const CpuWatch &) = delete;

    // Before the first step after a pause: what the threads waited for until now is not counted.
    void resume(double now_ms);

    // Of the first `n_threads` threads, during the last tenths of a second. Cheap: call it after each step.
    // `wants_free_cpus`: also if no thread waits.
    const CpuPressure & pressure(int32_t n_threads, bool wants_free_cpus, double now_ms);

  private:
    struct Watched {
        std::vector<int> files;  // one for each team
        uint64_t ran_ns = 0;
        uint64_t waited_ns = 0;
    };
    struct Usage {
        double at_ms = 0;
        double idle_ms = 0;  // of the CPUs that this process may use
        double own_ms = 0;
    };

    static bool waited(Watched & thread);
    bool was_throttled();
    bool read_usage(Usage & usage) const;
    void measure_free_cpus(double now_ms);

    std::vector<Watched> threads_;
    std::vector<int> cpus_;  // that this process may use
    int throttle_file_ = -1;
    uint64_t throttled_periods_ = 0;
    CpuPressure pressure_;
    double waiting_since_ms_ = -1;  // negative: they do not
    double counted_at_ms_ = 0;
    Usage usage_;
};

}  // namespace vserve
