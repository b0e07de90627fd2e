#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>

namespace vserve {

// The threads that build prompts: a few, of their own, so that no prompt holds up what else the process does. Long prompts
// have their own, and a lower priority: a short one never waits for them. A thread ends when there is nothing to do.
class PromptThreads {
  public:
    PromptThreads() = default;
    // Waits until all work is done.
    ~PromptThreads();
    PromptThreads(const PromptThreads &) = delete;
    PromptThreads & operator=(const PromptThreads &) = delete;

    // Queues work, which must not throw. `bytes`: of the prompt, by which it is short or long. Any thread.
    void run(size_t bytes, std::function<void()> work);
    // Waits until all work is done.
    void drain();

  private:
    struct Lane {
        explicit Lane(bool is_long) : is_long(is_long) {}
        const bool is_long;
        std::deque<std::function<void()>> queue;
        int n_threads = 0;
    };

    void start_thread(Lane & lane);
    void work(Lane & lane);

    std::mutex mutex_;
    std::condition_variable idle_;
    Lane short_{false};  // both guarded by mutex_
    Lane long_{true};
};

}  // namespace vserve
