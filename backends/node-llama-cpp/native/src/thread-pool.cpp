#include "thread-pool.h"

#include "error.h"
#include "ggml-backend.h"
#include "ggml-cpu.h"

namespace vserve {

namespace {

// The CPU backend is a library of its own, chosen for the processor at run time: its functions are asked for by name.
template <typename Function> Function cpu_function(const char * name) {
    ggml_backend_dev_t device = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
    void * address =
        device == nullptr ? nullptr : ggml_backend_reg_get_proc_address(ggml_backend_dev_backend_reg(device), name);
    if (address == nullptr) {
        throw EngineError("native_addon_mismatch", std::string("The CPU backend of llama.cpp has no ") + name + ".");
    }
    return reinterpret_cast<Function>(address);
}

}  // namespace

ThreadPool::ThreadPool(int n_threads) {
    ggml_threadpool_params params;
    ggml_threadpool_params_init(&params, n_threads);
    // Idle threads sleep: spinning ones would take cores from the image encoder, which has threads of its own.
    params.poll = 0;
    pool_ = cpu_function<decltype(&ggml_threadpool_new)>("ggml_threadpool_new")(&params);
    if (pool_ == nullptr) {
        throw EngineError("out_of_memory", "The thread pool could not be made.");
    }
}

ThreadPool::~ThreadPool() {
    cpu_function<decltype(&ggml_threadpool_free)>("ggml_threadpool_free")(pool_);
}

void ThreadPool::attach_to(llama_context * context) {
    llama_attach_threadpool(context, pool_, pool_);
}

}  // namespace vserve
