#include "cpu-watch.h"

#ifdef __linux__
#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "cpu-affinity.h"
#endif

namespace vserve {

#ifdef __linux__

namespace {

constexpr double waiting_window_ms = 50;
// /proc/stat counts in hundredths of a second, and reading it takes a large machine a millisecond.
constexpr double usage_window_ms = 500;
// A thread waits if it stood in a CPU's queue for this share of the time in which it wanted to run. The short work of other
// threads of this process stays below.
constexpr double much_waiting = 0.2;
constexpr uint64_t least_waiting_ns = 4'000'000;

double own_cpu_ms() {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

}  // namespace

CpuWatch::CpuWatch(const std::vector<int> & thread_ids, double now_ms) : cpus_(process_cpus()) {
    for (const int id : thread_ids) {
        const std::string path = "/proc/self/task/" + std::to_string(id) + "/schedstat";
        const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
        if (file >= 0) {
            threads_.push_back({file});
            waited(threads_.back());
        }
    }
    usage_.at_ms = now_ms;
    read_usage(usage_);
}

CpuWatch::~CpuWatch() {
    for (const auto & thread : threads_) {
        close(thread.file);
    }
}

void CpuWatch::resume(double now_ms) {
    counted_at_ms_ = now_ms;
    pressure_ = {};
    for (auto & thread : threads_) {
        waited(thread);
    }
}

const CpuPressure & CpuWatch::pressure(int32_t n_threads, bool wants_free_cpus, double now_ms) {
    if (now_ms - counted_at_ms_ >= waiting_window_ms) {
        counted_at_ms_ = now_ms;
        pressure_.waiting_threads = 0;
        for (size_t i = 0; i < threads_.size(); i++) {
            const bool counts = static_cast<int32_t>(i) < n_threads;
            pressure_.waiting_threads += waited(threads_[i]) && counts ? 1 : 0;
        }
    }
    if (!wants_free_cpus && pressure_.waiting_threads == 0) {
        pressure_.free_cpus = -1;
    } else if (now_ms - usage_.at_ms >= usage_window_ms) {
        measure_free_cpus(now_ms);
    }
    return pressure_;
}

// Whether a thread waited much since the last call. schedstat has the nanoseconds on a CPU, then those in a CPU's queue:
// https://docs.kernel.org/scheduler/sched-stats.html
bool CpuWatch::waited(Watched & thread) {
    char text[96];
    const ssize_t length = pread(thread.file, text, sizeof(text) - 1, 0);
    uint64_t ran_ns = 0;
    uint64_t waited_ns = 0;
    text[std::max<ssize_t>(length, 0)] = 0;
    if (std::sscanf(text, "%" SCNu64 " %" SCNu64, &ran_ns, &waited_ns) != 2) {
        return false;
    }
    const uint64_t ran = ran_ns - thread.ran_ns;
    const uint64_t waited = waited_ns - thread.waited_ns;
    thread.ran_ns = ran_ns;
    thread.waited_ns = waited_ns;
    return waited >= least_waiting_ns && static_cast<double>(waited) >= much_waiting * static_cast<double>(ran + waited);
}

// /proc/stat has a line for all CPUs, then one for each: user, nice, system, idle, iowait and more, in clock ticks.
bool CpuWatch::read_usage(Usage & usage) const {
    FILE * file = std::fopen("/proc/stat", "re");
    if (file == nullptr) {
        return false;
    }
    const double ms_per_tick = 1e3 / static_cast<double>(sysconf(_SC_CLK_TCK));
    size_t found = 0;
    char line[512];
    while (std::fgets(line, sizeof(line), file) != nullptr && std::strncmp(line, "cpu", 3) == 0) {
        int cpu = 0;
        uint64_t idle = 0;
        uint64_t io_wait = 0;
        if (line[3] != ' ' &&
            std::sscanf(line, "cpu%d %*u %*u %*u %" SCNu64 " %" SCNu64, &cpu, &idle, &io_wait) == 3 &&
            std::binary_search(cpus_.begin(), cpus_.end(), cpu)) {
            usage.idle_ms += static_cast<double>(idle + io_wait) * ms_per_tick;
            found++;
        }
    }
    std::fclose(file);
    usage.own_ms = own_cpu_ms();
    return found > 0 && found == cpus_.size();
}

// What is idle and what this process itself uses, together.
void CpuWatch::measure_free_cpus(double now_ms) {
    Usage usage;
    usage.at_ms = now_ms;
    if (!read_usage(usage)) {
        pressure_.free_cpus = -1;
        return;
    }
    const double free_ms = usage.idle_ms - usage_.idle_ms + usage.own_ms - usage_.own_ms;
    pressure_.free_cpus = std::clamp(free_ms / (now_ms - usage_.at_ms), 0.0, static_cast<double>(cpus_.size()));
    usage_ = usage;
}

#else

CpuWatch::CpuWatch(const std::vector<int> &, double) {}

CpuWatch::~CpuWatch() = default;

void CpuWatch::resume(double) {}

const CpuPressure & CpuWatch::pressure(int32_t, bool, double) {
    return pressure_;
}

#endif

}  // namespace vserve
