#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "ggml-backend.h"
#include "llama.h"

namespace vserve {

// Persistent threads of the CPU backend, shared by the text model, the image encoder and sampling. Without them ggml starts
// and joins its threads for every graph. A pool must outlive what it is attached to.
class ThreadPool {
  public:
    // Throws EngineError when the CPU backend offers no pools. The calling thread is the first of the pool's: only it may
    // compute with the pool.
    explicit ThreadPool(int n_threads);
    ~ThreadPool();
    ThreadPool(const ThreadPool &) = delete;
    ThreadPool & operator=(const ThreadPool &) = delete;

    // For batches of one token a sequence, and for larger ones.
    static void attach(llama_context * context, const ThreadPool & decode, const ThreadPool & prefill);
    void attach_to(ggml_backend_t cpu_backend) const;

    int size() const { return static_cast<int>(thread_ids_.size()); }
    // Of the operating system; -1 where unknown.
    const std::vector<int> & thread_ids() const { return thread_ids_; }

    // Prepares for a graph that is computed on the first `n_threads` threads, and lets for_each() use as many. As many as
    // CPUs get one each: ggml's threads spin while they wait for each other, so two on one CPU alternate by whole time
    // slices, and a scheduler that packed threads onto few CPUs leaves them there. Fewer stay clear of what other programs
    // do on the CPUs.
    void use(int n_threads);

    // Calls work(i) for each i below `count` on the threads in use in parallel, and returns when all are done. `work` must
    // not throw. Call it on the thread that computes with the pool.
    void for_each(int count, const std::function<void(int)> & work);

  private:
    static void take_turns(ggml_tensor * node, int thread, int n_threads, void * self);
    void pin(bool pinned);

    ggml_threadpool_t pool_;
    std::vector<int> thread_ids_;
    const std::vector<int> cpus_;  // of this process
    int n_threads_;                // in use
    bool pinned_ = false;
    // A graph of one custom node, to run work other than ggml's on the threads.
    std::unique_ptr<ggml_backend, decltype(&ggml_backend_free)> backend_{nullptr, ggml_backend_free};
    std::unique_ptr<ggml_context, decltype(&ggml_free)> graph_memory_{nullptr, ggml_free};
    ggml_cgraph * graph_;
    const std::function<void(int)> * work_ = nullptr;
    int count_ = 0;
    std::atomic<int> next_{0};
};

}  // namespace vserve
