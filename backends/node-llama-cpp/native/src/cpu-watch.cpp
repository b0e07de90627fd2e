#include "cpu-watch.h"

#ifdef __linux__
#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <string>
#include <unordered_set>
#include <utility>

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "cpu-affinity.h"
#endif

namespace vserve {

#ifdef __linux__

namespace {

constexpr double waiting_window_ms = 100;
// A burst is over before fewer threads could be tried: what counts is waiting that goes on for so long.
constexpr double lasting_ms = 250;
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

CpuWatch::CpuWatch(const std::vector<std::vector<int>> & thread_ids, const std::string & throttle_counter, double now_ms)
    : cpus_(process_cpus()) {
    std::unordered_set<int> known;
    for (const auto & team : thread_ids) {
        threads_.resize(std::max(threads_.size(), team.size()));
        for (size_t i = 0; i < team.size(); i++) {
            const std::string path = "/proc/self/task/" + std::to_string(team[i]) + "/schedstat";
            const int file = known.insert(team[i]).second ? open(path.c_str(), O_RDONLY | O_CLOEXEC) : -1;
            if (file >= 0) {
                threads_[i].files.push_back(file);
            }
        }
    }
    if (!throttle_counter.empty()) {
        throttle_file_ = open(throttle_counter.c_str(), O_RDONLY | O_CLOEXEC);
    }
    resume(now_ms);
    usage_.at_ms = now_ms;
    read_usage(usage_);
}

CpuWatch::~CpuWatch() {
    for (const auto & thread : threads_) {
        for (const int file : thread.files) {
            close(file);
        }
    }
    if (throttle_file_ >= 0) {
        close(throttle_file_);
    }
}

void CpuWatch::resume(double now_ms) {
    counted_at_ms_ = now_ms;
    waiting_since_ms_ = -1;
    pressure_ = {};
    for (auto & thread : threads_) {
        waited(thread);
    }
    was_throttled();
}

const CpuPressure & CpuWatch::pressure(int32_t n_threads, bool wants_free_cpus, double now_ms) {
    if (now_ms - counted_at_ms_ >= waiting_window_ms) {
        const double began_at_ms = std::exchange(counted_at_ms_, now_ms);
        int32_t waiting_threads = 0;
        for (size_t i = 0; i < threads_.size(); i++) {
            const bool counts = static_cast<int32_t>(i) < n_threads;
            waiting_threads += waited(threads_[i]) && counts ? 1 : 0;
        }
        if (was_throttled()) {  // all of them stood still
            waiting_threads = std::max(waiting_threads, 1);
        }
        if (waiting_threads == 0) {
            waiting_since_ms_ = -1;
        } else if (waiting_since_ms_ < 0) {
            waiting_since_ms_ = began_at_ms;
        }
        const bool lasts = waiting_since_ms_ >= 0 && now_ms - waiting_since_ms_ >= lasting_ms;
        pressure_.waiting_threads = lasts ? waiting_threads : 0;
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
    uint64_t ran_ns = 0;
    uint64_t waited_ns = 0;
    for (const int file : thread.files) {
        char text[96];
        const ssize_t length = pread(file, text, sizeof(text) - 1, 0);
        uint64_t ran = 0;
        uint64_t waited = 0;
        text[std::max<ssize_t>(length, 0)] = 0;
        if (std::sscanf(text, "%" SCNu64 " %" SCNu64, &ran, &waited) == 2) {
            ran_ns += ran;
            waited_ns += waited;
        }
    }
    const uint64_t ran = ran_ns - thread.ran_ns;
    const uint64_t waited = waited_ns - thread.waited_ns;
    thread.ran_ns = ran_ns;
    thread.waited_ns = waited_ns;
    return waited >= least_waiting_ns && static_cast<double>(waited) >= much_waiting * static_cast<double>(ran + waited);
}

// Whether the control group has used up its CPU time in a period since the last call. Its threads then stand in no queue.
bool CpuWatch::was_throttled() {
    if (throttle_file_ < 0) {
        return false;
    }
    char text[512];
    const ssize_t length = pread(throttle_file_, text, sizeof(text) - 1, 0);
    text[std::max<ssize_t>(length, 0)] = 0;
    const char * counter = std::strstr(text, "nr_throttled ");
    uint64_t periods = 0;
    if (counter == nullptr || std::sscanf(counter, "nr_throttled %" SCNu64, &periods) != 1) {
        return false;
    }
    return std::exchange(throttled_periods_, periods) != periods;
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

CpuWatch::CpuWatch(const std::vector<std::vector<int>> &, const std::string &, double) {}

CpuWatch::~CpuWatch() = default;

void CpuWatch::resume(double) {}

const CpuPressure & CpuWatch::pressure(int32_t, bool, double) {
    return pressure_;
}

#endif

}  // namespace vserve
