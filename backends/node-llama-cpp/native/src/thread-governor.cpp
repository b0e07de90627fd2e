#include "thread-governor.h"

#include <algorithm>
#include <cmath>

namespace vserve {

namespace {

// A verdict needs steps of so many milliseconds together, or many shorter ones: they average the scheduler's time slices,
// which are 3 to 10 ms long.
constexpr double verdict_ms = 400;
constexpr int32_t many_steps = 8;
constexpr double many_steps_ms = 60;
constexpr double share_to_compare_with = 0.5;
// Older steps were perhaps taken under another load.
constexpr double recent_ms = 3000;

// Another number of threads must take less time than this share: a smaller difference may be noise. Where there is a sign
// of free CPUs, it need not be a difference: on many CPUs, one more is none.
constexpr double worth_changing = 0.95;
constexpr double worth_taking_free_cpus = 1.02;
// Past these a trial ends early, after a few steps or one long one.
constexpr int32_t few_steps = 3;
constexpr double clearly_better = 0.6;
constexpr double clearly_worse = 1.5;
constexpr double few_steps_ms = 150;
constexpr double hopeless = 3;
// A trial says nothing about steps of other sizes, which pay for it all the same: it ends when so many come in a row.
constexpr int32_t most_other_steps = 4;

// Times the best pace. Then the CPUs are shared with something that the operating system does not show: another virtual
// machine, or a container's quota.
constexpr double slow = 1.6;
// What a step forgets of the best pace: a conversation grows, and its steps take longer.
constexpr double forgotten_share = 0.01;
// What other programs may take of a CPU that still counts as free.
constexpr double negligible_cpus = 0.25;
// Before the first trial of more threads without a sign of free CPUs.
constexpr double first_unasked_ms = 8000;
// After so long without waiting threads, a new wait has a new cause.
constexpr double calm_ms = 5000;

}  // namespace

ThreadGovernor::ThreadGovernor(int32_t most, Patience patience)
    : most_(std::max(1, most)), patience_(patience), settled_(most_) {}

void ThreadGovernor::Sum::add(double ms, double units) {
    steps++;
    wall_ms += ms;
    work += units;
}

bool ThreadGovernor::Sum::suffices(double share) const {
    return wall_ms >= verdict_ms * share || (steps >= many_steps * share && wall_ms >= many_steps_ms * share);
}

// Adds a step and returns the sum of the last ones: no more than it takes to compare with.
ThreadGovernor::Sum ThreadGovernor::SizeClass::add(const Sample & sample) {
    recent.push_front(sample);
    Sum sum;
    size_t kept = 0;
    while (kept < recent.size() && !sum.suffices(share_to_compare_with) &&
           sample.ended_at_ms - recent[kept].ended_at_ms <= recent_ms) {
        sum.add(recent[kept].wall_ms, recent[kept].work);
        kept++;
    }
    recent.resize(kept);
    return sum;
}

size_t ThreadGovernor::size_class_of(int32_t n_tokens) {
    size_t size_class = 0;
    while (size_class < several && (1 << size_class) < n_tokens) {
        size_class++;
    }
    return size_class;
}

void ThreadGovernor::resume() {
    trial_ = {};
    last_size_class_ = SIZE_MAX;
    for (auto & size_class : sizes_) {
        size_class.recent.clear();
    }
}

void ThreadGovernor::observe(const StepTiming & step, const CpuPressure & pressure) {
    if (most_ == 1 || step.n_threads != threads() || step.n_tokens < 1) {
        return;
    }
    // Reading the weights, which each step does once, costs about as much as another token.
    const Sample sample{step.wall_ms, step.n_tokens + 1.0, step.ended_at_ms};
    const size_t size_class = size_class_of(step.n_tokens);
    if (trial_.n_threads > 0) {
        observe_trial(size_class, sample);
    } else {
        observe_settled(size_class, sample, pressure);
    }
}

void ThreadGovernor::observe_settled(size_t size_class, const Sample & sample, const CpuPressure & pressure) {
    const double now_ms = sample.ended_at_ms;
    note_pressure(pressure, now_ms);
    SizeClass & alike = sizes_[size_class];
    const Sum sum = alike.add(sample);
    const bool is_repeated = size_class == last_size_class_;
    last_size_class_ = size_class;
    // A single step, such as that of a prompt between next tokens, would leave its trial without steps to compare.
    if (!is_repeated || !sum.suffices(share_to_compare_with)) {
        return;
    }
    const bool suffers = is_slow(alike, sum.pace(), sample) || pressure.waiting_threads > 0 || fewer_was_better_;
    const Suggestion next = suggestion(suffers, pressure, now_ms);
    if (next.n_threads != 0) {
        trial_ = {next.n_threads, next.reason, size_class, sum.pace(), {}, 0};
    }
}

// Steps from before the threads had to wait, or from before they no longer had to, are not compared with later ones.
void ThreadGovernor::note_pressure(const CpuPressure & pressure, double now_ms) {
    if ((pressure.waiting_threads > 0) != (waiting_threads_ > 0)) {
        for (auto & size_class : sizes_) {
            size_class.recent.clear();
        }
    }
    if (pressure.waiting_threads > 0) {
        if (now_ms - waited_at_ms_ > calm_ms) {
            retry(Reason::suffers) = {};
        }
        waited_at_ms_ = now_ms;
    }
    waiting_threads_ = pressure.waiting_threads;
}

bool ThreadGovernor::is_slow(SizeClass & alike, double pace, const Sample & sample) {
    alike.best_pace = alike.best_pace == 0 ? pace : std::min(alike.best_pace * (1 + forgotten_share), pace);
    slow_steps_ = sample.wall_ms > alike.best_pace * slow * sample.work ? slow_steps_ + 1 : 0;
    return slow_steps_ >= few_steps;
}

ThreadGovernor::Suggestion ThreadGovernor::suggestion(bool suffers, const CpuPressure & pressure, double now_ms) const {
    if (suffers && settled_ > 1 && is_due(Reason::suffers, now_ms)) {
        return {fewer(pressure), Reason::suffers};
    }
    const int32_t free_cpus = std::min(most_, static_cast<int32_t>(pressure.free_cpus + negligible_cpus));
    if (free_cpus > settled_ && is_due(Reason::free_cpus, now_ms)) {
        return {free_cpus, Reason::free_cpus};
    }
    const bool is_hopeless = pressure.free_cpus >= 0 && pressure.free_cpus < settled_ * patience_.least_free_share;
    if (settled_ < most_ && !is_hopeless && is_due(Reason::none, now_ms)) {
        return {std::min(most_, settled_ + std::max(1, settled_ / 4)), Reason::none};
    }
    return {};
}

int32_t ThreadGovernor::fewer(const CpuPressure & pressure) const {
    int32_t n_threads = std::max(settled_ - std::max(1, pressure.waiting_threads), settled_ / 2);
    if (pressure.free_cpus >= 0) {
        n_threads = std::min(n_threads, static_cast<int32_t>(pressure.free_cpus + negligible_cpus));
    }
    return std::clamp(n_threads, 1, settled_ - 1);
}

void ThreadGovernor::observe_trial(size_t size_class, const Sample & sample) {
    const double now_ms = sample.ended_at_ms;
    if (size_class == trial_.size_class) {
        trial_.sum.add(sample.wall_ms, sample.work);
        trial_.other_steps = 0;
    } else {
        trial_.other_steps++;
    }
    const Verdict reached = verdict();
    if (reached == Verdict::better) {
        change_to(trial_.n_threads, now_ms);
    } else if (reached == Verdict::not_better || trial_.other_steps > most_other_steps) {
        stay(now_ms);
    }
}

ThreadGovernor::Verdict ThreadGovernor::verdict() const {
    const Sum & sum = trial_.sum;
    if (sum.steps == 0) {
        return Verdict::open;
    }
    const double ratio = sum.pace() / trial_.usual_pace;
    const bool are_few = sum.steps >= few_steps;
    if (ratio > hopeless || (ratio > clearly_worse && (are_few || sum.wall_ms >= few_steps_ms))) {
        return Verdict::not_better;
    }
    if ((ratio < clearly_better && are_few) || sum.suffices(1)) {
        const double limit = trial_.reason == Reason::free_cpus ? worth_taking_free_cpus : worth_changing;
        return ratio < limit ? Verdict::better : Verdict::not_better;
    }
    return Verdict::open;
}

void ThreadGovernor::change_to(int32_t n_threads, double now_ms) {
    fewer_was_better_ = n_threads < settled_;
    settled_ = n_threads;
    for (auto & size_class : sizes_) {
        size_class = {};
    }
    trial_ = {};
    slow_steps_ = 0;
    retry(Reason::suffers) = {};
    retry(Reason::free_cpus) = {patience_.first_retry_ms, now_ms};
    retry(Reason::none) = {std::max(patience_.first_retry_ms, first_unasked_ms), now_ms};
}

void ThreadGovernor::stay(double now_ms) {
    if (trial_.reason == Reason::suffers) {
        fewer_was_better_ = false;
    }
    Retry & failed = retry(trial_.reason);
    failed = {std::clamp(failed.wait_ms * 2, patience_.first_retry_ms, patience_.last_retry_ms), now_ms};
    sizes_[trial_.size_class].best_pace = trial_.usual_pace;  // as fast as it gets at present
    trial_ = {};
    slow_steps_ = 0;
}

}  // namespace vserve
