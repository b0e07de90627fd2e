#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "ggml-backend.h"
#include "llama.h"

namespace vserve {

// Persistent threads of the CPU backend, shared by the text model, the image encoder and sampling. Without them ggml starts
// and joins its threads for every graph. A pool must outlive what it is attached to, and that must live as long as use() is
// called.
//
// There are two teams. While all threads are in use, they spin for a moment before they sleep: the next step mostly comes
// sooner than they would wake. Those of the other team sleep at once: where fewer are in use, the CPUs are wanted elsewhere,
// and ggml has also the threads spin that do not compute.
class ThreadPool {
  public:
    // Throws EngineError when the CPU backend offers no pools. The calling thread is the first of the pool's: only it may
    // compute with the pool. `spins`: false where other devices compute, and the threads only sample.
    ThreadPool(int n_threads, bool spins);
    ~ThreadPool();
    ThreadPool(const ThreadPool &) = delete;
    ThreadPool & operator=(const ThreadPool &) = delete;

    // For batches of one token a sequence, and for larger ones.
    static void attach(llama_context * context, ThreadPool & decode, ThreadPool & prefill);
    void attach_to(ggml_backend_t cpu_backend);

    int size() const { return size_; }
    // Of the operating system, of each team; -1 where unknown. The first is the same in both.
    std::vector<std::vector<int>> thread_ids() const;

    // Prepares for a graph that is computed on the first `n_threads` threads, and lets for_each() use as many.
    void use(int n_threads);

    // Calls work(i) for each i below `count` on the threads in use in parallel, and returns when all are done. `work` must
    // not throw. Call it on the thread that computes with the pool.
    void for_each(int count, const std::function<void(int)> & work);

  private:
    struct Team {
        ggml_threadpool_t threads = nullptr;
        std::vector<int> ids;
    };

    static void take_turns(ggml_tensor * node, int thread, int n_threads, void * self);
    Team make_team(uint32_t poll);
    void note_ids(Team & team);
    void switch_to(Team & team);

    const int size_;
    Team spinning_;
    Team sleeping_;
    Team * team_;                                  // in use
    std::vector<std::function<void()>> attached_;  // attaches the team in use
    int n_threads_;                                // in use
    // A graph of one custom node, to run work other than ggml's on the threads.
    std::unique_ptr<ggml_backend, decltype(&ggml_backend_free)> backend_{nullptr, ggml_backend_free};
    std::unique_ptr<ggml_context, decltype(&ggml_free)> graph_memory_{nullptr, ggml_free};
    ggml_cgraph * graph_;
    std::vector<int> * noted_ids_ = nullptr;  // where the threads note their ids
    const std::function<void(int)> * work_ = nullptr;
    int count_ = 0;
    std::atomic<int> next_{0};
};

}  // namespace vserve
