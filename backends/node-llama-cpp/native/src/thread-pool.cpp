#include "thread-pool.h"

#include <algorithm>

#include "cpu-affinity.h"
#include "cpu-backend.h"
#include "error.h"
#include "ggml-cpu.h"

namespace vserve {

namespace {

// The calling thread is the first of every pool that it made.
thread_local bool is_pinned = false;

}  // namespace

ThreadPool::ThreadPool(int n_threads) : thread_ids_(n_threads, -1), cpus_(process_cpus()), n_threads_(n_threads) {
    ggml_threadpool_params params;
    ggml_threadpool_params_init(&params, n_threads);
    // Idle threads sleep: spinning would take cores from the event loop and image decoding.
    params.poll = 0;
    pool_ = cpu_function<decltype(&ggml_threadpool_new)>("ggml_threadpool_new")(&params);
    if (pool_ == nullptr) {
        throw EngineError("out_of_memory", "The thread pool could not be made.");
    }
    backend_.reset(ggml_backend_dev_init(ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU), nullptr));
    cpu_function<decltype(&ggml_backend_cpu_set_n_threads)>("ggml_backend_set_n_threads")(backend_.get(), n_threads);
    attach_to(backend_.get());
    graph_memory_.reset(ggml_init({ggml_tensor_overhead() + ggml_graph_overhead_custom(1, false), nullptr, true}));
    graph_ = ggml_new_graph_custom(graph_memory_.get(), 1, false);
    ggml_build_forward_expand(graph_, ggml_custom_4d(graph_memory_.get(), GGML_TYPE_F32, 1, 1, 1, 1, nullptr, 0, take_turns,
                                                     GGML_N_TASKS_MAX, this));
    ggml_backend_graph_compute(backend_.get(), graph_);  // the threads note their ids
}

ThreadPool::~ThreadPool() {
    backend_.reset();
    cpu_function<decltype(&ggml_threadpool_free)>("ggml_threadpool_free")(pool_);
}

void ThreadPool::attach(llama_context * context, const ThreadPool & decode, const ThreadPool & prefill) {
    llama_attach_threadpool(context, decode.pool_, prefill.pool_);
}

void ThreadPool::attach_to(ggml_backend_t cpu_backend) const {
    cpu_function<decltype(&ggml_backend_cpu_set_threadpool)>("ggml_backend_cpu_set_threadpool")(cpu_backend, pool_);
}

void ThreadPool::use(int n_threads) {
    n_threads_ = std::clamp(n_threads, 1, size());
    pin(static_cast<size_t>(n_threads_) == cpus_.size());
}

void ThreadPool::pin(bool pinned) {
    const auto place = [&](size_t thread) {
        keep_on_cpus(thread_ids_[thread], pinned ? std::vector<int>{cpus_[thread]} : cpus_);
    };
    if (is_pinned != pinned) {
        is_pinned = pinned;
        place(0);
    }
    if (pinned_ != pinned) {
        pinned_ = pinned;
        for (size_t i = 1; i < thread_ids_.size() && i < cpus_.size(); i++) {
            place(i);
        }
    }
}

void ThreadPool::for_each(int count, const std::function<void(int)> & work) {
    if (count < 2 || n_threads_ == 1) {
        for (int i = 0; i < count; i++) {
            work(i);
        }
        return;
    }
    work_ = &work;
    count_ = count;
    next_ = 0;
    static const auto set_n_threads =
        cpu_function<decltype(&ggml_backend_cpu_set_n_threads)>("ggml_backend_set_n_threads");
    set_n_threads(backend_.get(), std::min(n_threads_, count));
    ggml_backend_graph_compute(backend_.get(), graph_);
}

void ThreadPool::take_turns(ggml_tensor *, int thread, int, void * self) {
    auto & pool = *static_cast<ThreadPool *>(self);
    if (pool.work_ == nullptr) {
        pool.thread_ids_[thread] = this_thread_id();
        return;
    }
    for (int i = pool.next_++; i < pool.count_; i = pool.next_++) {
        (*pool.work_)(i);
    }
}

}  // namespace vserve
