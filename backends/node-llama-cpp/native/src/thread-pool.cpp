#include "thread-pool.h"

#ifdef __linux__
#include <sched.h>
#endif

#include "cpu-backend.h"
#include "error.h"
#include "ggml-cpu.h"

namespace vserve {

namespace {

// Pins the threads if there is one for each CPU available to this process. ggml's threads spin while they wait for each
// other, so two on one CPU alternate by whole time slices, and a scheduler that packed threads onto few CPUs leaves them
// there.
void spread_over_cpus(ggml_threadpool_params & params) {
#ifdef __linux__
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0 || CPU_COUNT(&allowed) != params.n_threads) {
        return;
    }
    for (int cpu = 0; cpu < GGML_MAX_N_THREADS && cpu < CPU_SETSIZE; cpu++) {
        params.cpumask[cpu] = CPU_ISSET(cpu, &allowed);
    }
    params.strict_cpu = true;
#else
    (void) params;
#endif
}

}  // namespace

ThreadPool::ThreadPool(int n_threads) {
    ggml_threadpool_params params;
    ggml_threadpool_params_init(&params, n_threads);
    // Idle threads sleep: spinning would take cores from the event loop and image decoding.
    params.poll = 0;
    spread_over_cpus(params);
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

void ThreadPool::for_each(int count, const std::function<void(int)> & work) {
    if (count < 2) {
        for (int i = 0; i < count; i++) {
            work(i);
        }
        return;
    }
    work_ = &work;
    count_ = count;
    next_ = 0;
    ggml_backend_graph_compute(backend_.get(), graph_);
}

void ThreadPool::take_turns(ggml_tensor *, int, int, void * self) {
    auto & pool = *static_cast<ThreadPool *>(self);
    for (int i = pool.next_++; i < pool.count_; i = pool.next_++) {
        (*pool.work_)(i);
    }
}

}  // namespace vserve
