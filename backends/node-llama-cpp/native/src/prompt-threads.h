#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>

namespace vserve {

// A few dedicated threads that build prompts, so that no prompt delays other work of the process. Long prompts have their
// own threads at a lower priority: short ones never wait for them. A thread ends when its queue is empty.
class PromptThreads {
  public:
    PromptThreads() = default;
    // Waits until all work is done.
    ~PromptThreads();
    PromptThreads(const PromptThreads &) = delete;
    PromptThreads & operator=(const PromptThreads &) = delete;

    // Whether a prompt of this size is long.
    static bool is_long(size_t bytes);
    // Queues work, which must not throw, on a prompt of this size. Any thread.
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
