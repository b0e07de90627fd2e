#pragma once

#include "llama.h"

namespace vserve {

// A persistent thread pool of the CPU backend. Without one, ggml makes and joins its threads for every graph.
class ThreadPool {
  public:
    // Throws EngineError when the CPU backend offers no pools.
    explicit ThreadPool(int n_threads);
    ~ThreadPool();
    ThreadPool(const ThreadPool &) = delete;
    ThreadPool & operator=(const ThreadPool &) = delete;

    void attach_to(llama_context * context);

  private:
    ggml_threadpool_t pool_;
};

}  // namespace vserve
