#include "thread-pool.h"

#include <algorithm>

#include "cpu-affinity.h"
#include "cpu-backend.h"
#include "error.h"
#include "ggml-cpu.h"

namespace vserve {

namespace {

// In ggml's unit of 131,072 pauses of a CPU: from below one to some tens of milliseconds.
constexpr uint32_t poll_between_steps = 4;

}  // namespace

ThreadPool::ThreadPool(int n_threads, bool spins)
    : size_(n_threads),
      spinning_(make_team(spins ? poll_between_steps : 0)),
      sleeping_(spins && n_threads > 1 ? make_team(0) : Team{}),
      team_(&spinning_),
      n_threads_(n_threads) {
    backend_.reset(ggml_backend_dev_init(ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU), nullptr));
    cpu_function<decltype(&ggml_backend_cpu_set_n_threads)>("ggml_backend_set_n_threads")(backend_.get(), n_threads);
    attach_to(backend_.get());
    graph_memory_.reset(ggml_init({ggml_tensor_overhead() + ggml_graph_overhead_custom(1, false), nullptr, true}));
    graph_ = ggml_new_graph_custom(graph_memory_.get(), 1, false);
    ggml_build_forward_expand(graph_, ggml_custom_4d(graph_memory_.get(), GGML_TYPE_F32, 1, 1, 1, 1, nullptr, 0, take_turns,
                                                     GGML_N_TASKS_MAX, this));
    if (sleeping_.threads != nullptr) {
        note_ids(sleeping_);
    }
    note_ids(spinning_);
}

ThreadPool::~ThreadPool() {
    backend_.reset();
    const auto free = cpu_function<decltype(&ggml_threadpool_free)>("ggml_threadpool_free");
    for (const auto & team : {spinning_, sleeping_}) {
        if (team.threads != nullptr) {
            free(team.threads);
        }
    }
}

ThreadPool::Team ThreadPool::make_team(uint32_t poll) {
    ggml_threadpool_params params;
    ggml_threadpool_params_init(&params, size_);
    params.poll = poll;
    Team team{cpu_function<decltype(&ggml_threadpool_new)>("ggml_threadpool_new")(&params), {}};
    if (team.threads == nullptr) {
        throw EngineError("out_of_memory", "The thread pool could not be made.");
    }
    team.ids.resize(size_, -1);
    return team;
}

void ThreadPool::note_ids(Team & team) {
    switch_to(team);
    noted_ids_ = &team.ids;
    ggml_backend_graph_compute(backend_.get(), graph_);
    noted_ids_ = nullptr;
}

std::vector<std::vector<int>> ThreadPool::thread_ids() const {
    return {spinning_.ids, sleeping_.ids};
}

void ThreadPool::attach(llama_context * context, ThreadPool & decode, ThreadPool & prefill) {
    const auto attach = [context, &decode, &prefill] {
        llama_attach_threadpool(context, decode.team_->threads, prefill.team_->threads);
    };
    attach();
    decode.attached_.push_back(attach);
    if (&prefill != &decode) {
        prefill.attached_.push_back(attach);
    }
}

void ThreadPool::attach_to(ggml_backend_t cpu_backend) {
    const auto attach = [this, cpu_backend] {
        cpu_function<decltype(&ggml_backend_cpu_set_threadpool)>("ggml_backend_cpu_set_threadpool")(cpu_backend,
                                                                                                    team_->threads);
    };
    attach();
    attached_.push_back(attach);
}

void ThreadPool::use(int n_threads) {
    n_threads_ = std::clamp(n_threads, 1, size());
    switch_to(n_threads_ == size() || sleeping_.threads == nullptr ? spinning_ : sleeping_);
}

void ThreadPool::switch_to(Team & team) {
    if (team_ != &team) {
        team_ = &team;
        for (const auto & attach : attached_) {
            attach();
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
    if (pool.noted_ids_ != nullptr) {
        (*pool.noted_ids_)[thread] = this_thread_id();
        return;
    }
    for (int i = pool.next_++; i < pool.count_; i = pool.next_++) {
        (*pool.work_)(i);
    }
}

}  // namespace vserve
