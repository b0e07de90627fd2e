#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>

namespace vserve {

// What the operating system says about the CPUs.
struct CpuPressure {
    int32_t waiting_threads = 0;  // of the pool, that often stood in a CPU's queue; 0 also where that is unknown
    double free_cpus = -1;        // that other programs leave to this process; negative where that is unknown
};

struct StepTiming {
    int32_t n_threads;
    int32_t n_tokens;
    double wall_ms;
    double ended_at_ms;  // of a monotonic clock
};

// Chooses how many threads compute the steps. ggml's threads spin while they wait for each other, so beside other programs
// a step often takes less time with fewer of them. What the operating system says only suggests a number: it is tried for
// some steps, and kept if they take less time than those before. A trial that is clearly worse is cut short, and the next
// one then waits twice as long. Not thread-safe.
class ThreadGovernor {
  public:
    struct Patience {
        double first_retry_ms;  // after the first trial that fails
        double last_retry_ms;   // after many
        // More threads are tried without a sign of free CPUs if the CPUs that other programs leave, as far as known, are at
        // least so many for each thread.
        double least_free_share;
    };

    // Starts with `most` threads and never chooses more.
    ThreadGovernor(int32_t most, Patience patience);

    // For the next step.
    int32_t threads() const { return trial_.n_threads > 0 ? trial_.n_threads : settled_; }
    // The same, without a number that is only tried.
    int32_t settled() const { return settled_; }

    // Before the first step after a pause: the steps before it say nothing about those to come.
    void resume();

    // Takes a step into account. One with another number of threads than threads() says nothing and is ignored.
    void observe(const StepTiming & step, const CpuPressure & pressure);

  private:
    struct Sample {
        double wall_ms;
        double work;
        double ended_at_ms;
    };

    struct Sum {
        int32_t steps = 0;
        double wall_ms = 0;
        double work = 0;

        void add(double ms, double units);
        double pace() const { return wall_ms / work; }
        bool suffices(double share) const;
    };

    // Steps of about as many tokens: only those are compared.
    struct SizeClass {
        std::deque<Sample> recent;  // with the settled number of threads
        double best_pace = 0;       // in milliseconds for a unit of work; 0: unknown

        Sum add(const Sample & sample);
    };

    // Why another number is tried.
    enum class Reason {
        suffers,    // threads wait, or steps are slow
        free_cpus,  // the operating system says that there are more
        none,       // to see whether more are better again
    };

    struct Suggestion {
        int32_t n_threads = 0;  // 0: none
        Reason reason = Reason::none;
    };

    struct Trial {
        int32_t n_threads = 0;  // 0: none
        Reason reason = Reason::none;
        size_t size_class = 0;
        double usual_pace = 0;
        Sum sum;
        int32_t other_steps = 0;  // of other sizes, in a row
    };

    struct Retry {
        double wait_ms = 0;
        double from_ms = 0;

        bool is_due(double now_ms) const { return now_ms - from_ms >= wait_ms; }
    };

    // The number of tokens is at most 2 to the power of the class, up to this one: those are all compared by their time for a
    // token.
    static constexpr size_t several = 7;

    enum class Verdict { open, better, not_better };

    static size_t size_class_of(int32_t n_tokens);
    void observe_settled(size_t size_class, const Sample & sample, const CpuPressure & pressure);
    void note_pressure(const CpuPressure & pressure, double now_ms);
    bool is_slow(SizeClass & alike, double pace, const Sample & sample);
    Suggestion suggestion(bool suffers, const CpuPressure & pressure, double now_ms) const;
    int32_t fewer(const CpuPressure & pressure) const;
    void observe_trial(size_t size_class, const Sample & sample);
    Verdict verdict() const;
    void change_to(int32_t n_threads, double now_ms);
    void stay(double now_ms);
    Retry & retry(Reason reason) { return retries_[static_cast<size_t>(reason)]; }
    bool is_due(Reason reason, double now_ms) const { return retries_[static_cast<size_t>(reason)].is_due(now_ms); }

    const int32_t most_;
    const Patience patience_;
    int32_t settled_;
    std::array<SizeClass, several + 1> sizes_;
    size_t last_size_class_ = SIZE_MAX;  // of the last step that was no trial
    Trial trial_;
    std::array<Retry, 3> retries_;  // by reason
    int32_t slow_steps_ = 0;        // in a row
    bool fewer_was_better_ = false;  // the last time it was tried
    int32_t waiting_threads_ = 0;  // at the last step
    double waited_at_ms_ = 0;
};

}  // namespace vserve
