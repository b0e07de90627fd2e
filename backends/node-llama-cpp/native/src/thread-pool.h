#pragma once

#include "llama.h"

namespace vserve {

// A persistent thread pool of the CPU backend, for the text model and the image encoder by turns. Without one, ggml makes
// and joins its threads for every graph. What it is attached to must be freed before it.
class ThreadPool {
  public:
    // Throws EngineError when the CPU backend offers no pools.
    explicit ThreadPool(int n_threads);
    ~ThreadPool();
    ThreadPool(const ThreadPool &) = delete;
    ThreadPool & operator=(const ThreadPool &) = delete;

    void attach_to(llama_context * context);
    void attach_to(ggml_backend_t cpu_backend);

  private:
    ggml_threadpool_t pool_;
};

}  // namespace vserve
