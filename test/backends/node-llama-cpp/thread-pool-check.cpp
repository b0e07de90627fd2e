// Checks ThreadPool: thread-pool-check BACKENDS work | teams | stop | contexts MODEL. Prints how often it did what it checks, and
// exits with 1 at the first fault.

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "cpu-affinity.h"
#include "ggml-backend.h"
#include "llama.h"
#include "thread-pool.h"

namespace {

using vserve::ThreadPool;

constexpr int most_threads = 3;

void require(bool is_so, const char * what) {
    if (!is_so) {
        std::printf("%s\n", what);
        std::exit(1);
    }
}

// Runs work on so many threads; returns the ids of those that took part.
std::set<int> run(ThreadPool & pool, int n_threads, int items) {
    std::vector<std::atomic<int>> done(items);
    std::mutex mutex;
    std::set<int> ids;
    pool.use(n_threads);
    pool.for_each(items, [&](int i) {
        done[i]++;
        const std::lock_guard<std::mutex> lock(mutex);
        ids.insert(vserve::this_thread_id());
    });
    require(std::all_of(done.begin(), done.end(), [](const auto & count) { return count == 1; }), "not done just once");
    return ids;
}

// All work is done once, whichever the team and however many threads, and is seen when for_each() returns.
int check_work() {
    ThreadPool pool(most_threads, true);
    int runs = 0;
    for (; runs < 30; runs++) {
        run(pool, 1 + runs * 7 % (most_threads + 1), runs % 5 * 9);
    }
    return runs;
}

bool are_among(const std::set<int> & ids, const std::vector<int> & all) {
    return std::all_of(ids.begin(), ids.end(),
                       [&all](int id) { return std::find(all.begin(), all.end(), id) != all.end(); });
}

// All threads are those that spin; fewer are of the other team, which does not keep a CPU busy.
int check_teams() {
    ThreadPool pool(most_threads, true);
    const auto teams = pool.thread_ids();
    require(teams[0][0] == teams[1][0] && teams[0][0] == vserve::this_thread_id(), "the first is not the caller");
    require(std::set<int>(teams[0].begin(), teams[0].end()).size() == most_threads, "the ids are not known");
    int runs = 0;
    for (; runs < 30; runs++) {
        const int n_threads = 1 + runs % most_threads;
        const auto ids = run(pool, n_threads, 50);
        require(ids.size() <= static_cast<size_t>(n_threads), "too many threads");
        require(are_among(ids, teams[n_threads == most_threads ? 0 : 1]), "the other team");
    }
    return runs;
}

// A pool ends while its threads spin, sleep, or have yet to notice that there is work.
int check_stop() {
    int pools = 0;
    for (; pools < 12; pools++) {
        ThreadPool pool(1 + pools % most_threads, pools % 3 != 0);
        for (int i = 0; i < pools % 4; i++) {
            run(pool, 1 + (pools + i) % most_threads, most_threads);
        }
    }
    return pools;
}

using Context = std::unique_ptr<llama_context, decltype(&llama_free)>;

Context make_context(llama_model * model) {
    llama_context_params params = llama_context_default_params();
    params.n_ctx = 256;
    return {llama_init_from_model(model, params), llama_free};
}

std::vector<float> decode(llama_context * context, llama_token token) {
    require(llama_decode(context, llama_batch_get_one(&token, 1)) == 0, "not decoded");
    const int32_t size = llama_vocab_n_tokens(llama_model_get_vocab(llama_get_model(context)));
    const float * logits = llama_get_logits_ith(context, -1);
    return {logits, logits + size};
}

// Several contexts that share a pool compute the same, however many threads each step takes.
int check_contexts(const char * path) {
    llama_model * model = llama_model_load_from_file(path, llama_model_default_params());
    int steps = 0;
    {
        ThreadPool pool(2, true);  // with more threads than CPUs, each graph takes long
        std::vector<Context> contexts;
        for (int i = 0; i < 2; i++) {
            contexts.push_back(make_context(model));
            ThreadPool::attach(contexts.back().get(), pool, pool);
        }
        for (; steps < 2; steps++) {
            std::vector<float> first;
            for (size_t i = 0; i < contexts.size(); i++) {
                const int n_threads = 1 + (steps + static_cast<int>(i)) % 2;
                pool.use(n_threads);
                llama_set_n_threads(contexts[i].get(), n_threads, n_threads);
                const auto logits = decode(contexts[i].get(), 10 + steps);
                first = i == 0 ? logits : first;
                for (size_t k = 0; k < logits.size(); k++) {
                    require(std::abs(logits[k] - first[k]) < 1e-2f, "other logits");
                }
            }
        }
    }
    llama_model_free(model);
    return steps;
}

}  // namespace

int main(int, char ** arguments) {
    llama_log_set([](ggml_log_level, const char *, void *) {}, nullptr);
    ggml_backend_load_all_from_path(arguments[1]);
    const std::string what = arguments[2];
    const int count = what == "work"    ? check_work()
                      : what == "teams" ? check_teams()
                      : what == "stop"  ? check_stop()
                                        : check_contexts(arguments[3]);
    std::printf("%d\n", count);
}
