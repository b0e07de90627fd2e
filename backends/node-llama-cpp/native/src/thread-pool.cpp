#include "thread-pool.h"

#ifdef __linux__
#include <sched.h>
#endif

#include "cpu-backend.h"
#include "error.h"
#include "ggml-cpu.h"

namespace vserve {

namespace {

// Gives each thread a CPU of its own when there is a thread for every CPU that this process may use. ggml's threads wait
// for one another spinning, so two of them on one CPU take turns of whole time slices; and a scheduler that packs threads
// onto few CPUs leaves them there.
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
    // Idle threads sleep: spinning ones would take cores from the event loop and from image decoding.
    params.poll = 0;
    spread_over_cpus(params);
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

void ThreadPool::attach_to(ggml_backend_t cpu_backend) {
    cpu_function<decltype(&ggml_backend_cpu_set_threadpool)>("ggml_backend_cpu_set_threadpool")(cpu_backend, pool_);
}

}  // namespace vserve
