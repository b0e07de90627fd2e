#include "step-threads.h"

#include <algorithm>
#include <chrono>

namespace vserve {

namespace {

// Steps of more tokens, and of more work, are long ones: chiefly prompts. Their threads meet less often, so another number
// may suit them. The work is in tokens times parameters of the model: so much takes a second on a small machine.
constexpr int32_t most_tokens_of_short_steps = 32;
constexpr double most_work_of_short_steps = 1e11;
// In such a pause other programs may have begun or ended.
constexpr double pause_ms = 1000;
constexpr ThreadGovernor::Patience short_patience{1000, 30'000, 0.75};
// A trial takes at least one step, which is a second on a slow machine.
constexpr ThreadGovernor::Patience long_patience{4000, 60'000, 0.5};

double now_ms() {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

StepThreads::StepThreads(Limits limits, double model_parameters, const std::string & throttle_counter, ThreadPool & decode,
                         ThreadPool & prefill)
    : limits_(limits),
      model_parameters_(model_parameters),
      decode_(decode),
      prefill_(prefill),
      pool_(&decode),
      watch_((decode.size() > prefill.size() ? decode : prefill).thread_ids(), throttle_counter, now_ms()),
      short_steps_(std::max(limits.one_token, limits.more_tokens), short_patience),
      long_steps_(limits.more_tokens, long_patience) {}

ThreadGovernor & StepThreads::governor(int32_t n_tokens) {
    const bool is_long =
        n_tokens > most_tokens_of_short_steps && n_tokens * model_parameters_ > most_work_of_short_steps;
    return is_long ? long_steps_ : short_steps_;
}

int32_t StepThreads::begin(int32_t n_tokens, int32_t most) {
    if (const double now = now_ms(); now - ended_at_ms_ > pause_ms) {
        watch_.resume(now);
        short_steps_.resume();
        long_steps_.resume();
    }
    const bool one = n_tokens == 1;
    int32_t n_threads = std::min(most, one ? limits_.one_token : limits_.more_tokens);
    if (one ? limits_.one_token_adapts : limits_.more_tokens_adapt) {
        n_threads = std::min(n_threads, governor(n_tokens).threads());
    }
    n_tokens_ = n_tokens;
    n_threads_ = n_threads;
    use(one ? decode_ : prefill_, n_threads);
    return n_threads;
}

void StepThreads::end(double wall_ms) {
    ended_at_ms_ = now_ms();
    ThreadGovernor & chosen_by = governor(n_tokens_);
    const bool reduced = chosen_by.settled() < std::max(limits_.one_token, limits_.more_tokens);
    chosen_by.observe({n_threads_, n_tokens_, wall_ms, ended_at_ms_},
                      watch_.pressure(n_threads_, reduced, ended_at_ms_));
}

int32_t StepThreads::for_images() {
    const int32_t n_threads =
        limits_.more_tokens_adapt ? std::min(limits_.more_tokens, long_steps_.settled()) : limits_.more_tokens;
    use(prefill_, n_threads);
    return n_threads;
}

void StepThreads::use(ThreadPool & pool, int32_t n_threads) {
    pool_ = &pool;
    pool.use(n_threads);
}

}  // namespace vserve
