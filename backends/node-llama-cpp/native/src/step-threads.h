#pragma once

#include <cstdint>

#include "cpu-watch.h"
#include "thread-governor.h"
#include "thread-pool.h"

namespace vserve {

// How many threads compute a step, an image or the samples: up to those that were set, fewer while other programs compete
// for the CPUs. Used by the engine thread only.
class StepThreads {
  public:
    // For batches of one token, and for larger ones. `adapts`: whether their number follows the load of the machine.
    struct Limits {
        int32_t one_token;
        int32_t more_tokens;
        bool one_token_adapts;
        bool more_tokens_adapt;
    };

    // `decode`: the pool for batches of one token; `prefill`: for larger ones. They may be the same, and must outlive this.
    // `throttle_counter`: see CpuWatch.
    StepThreads(Limits limits, double model_parameters, const std::string & throttle_counter, ThreadPool & decode,
                ThreadPool & prefill);

    // The number for a step of `n_tokens`, at most `most`. Sets up the pool that computes it.
    int32_t begin(int32_t n_tokens, int32_t most);
    // When the step has been computed, in so many milliseconds.
    void end(double wall_ms);

    // The pool that was set up last.
    ThreadPool & pool() { return *pool_; }

    // The number for an image, in the encoder or in a context of its own. Sets up the pool.
    int32_t for_images();
    void attach_for_images(llama_context * context) { ThreadPool::attach(context, prefill_, prefill_); }

  private:
    ThreadGovernor & governor(int32_t n_tokens);
    void use(ThreadPool & pool, int32_t n_threads);

    const Limits limits_;
    const double model_parameters_;
    ThreadPool & decode_;
    ThreadPool & prefill_;
    ThreadPool * pool_;
    CpuWatch watch_;
    ThreadGovernor short_steps_;
    ThreadGovernor long_steps_;
    int32_t n_tokens_ = 0;   // of the current step
    int32_t n_threads_ = 0;  // likewise
    double ended_at_ms_ = 0;  // the last step
};

}  // namespace vserve
