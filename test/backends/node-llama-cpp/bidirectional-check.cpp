// Decodes batches with attention both ways, and counts how often llama.cpp reserves memory for its graphs. Prints the number
// with Bidirectional and with llama_set_causal_attn, and whether both gave the same logits.

#include <cstdint>
#include <cstdio>
#include <vector>

#include <dlfcn.h>

#include "bidirectional.h"
#include "ggml-backend.h"
#include "llama.h"

static int reserves = 0;

// In place of ggml's: symbols of the program come before those of libraries.
extern "C" bool ggml_backend_sched_reserve(ggml_backend_sched_t scheduler, ggml_cgraph * graph) {
    static const auto reserve = reinterpret_cast<bool (*)(ggml_backend_sched_t, ggml_cgraph *)>(
        dlsym(RTLD_NEXT, "ggml_backend_sched_reserve"));
    reserves++;
    return reserve(scheduler, graph);
}

static std::vector<float> decode(llama_context * context, int32_t n_vocab) {
    std::vector<llama_token> tokens = {5, 6, 7, 8, 9, 10, 11, 12};
    llama_memory_clear(llama_get_memory(context), true);
    if (llama_decode(context, llama_batch_get_one(tokens.data(), static_cast<int32_t>(tokens.size()))) != 0) {
        return {};
    }
    const float * row = llama_get_logits_ith(context, -1);
    return {row, row + n_vocab};
}

int main(int, char ** arguments) {
    llama_log_set([](ggml_log_level, const char *, void *) {}, nullptr);
    ggml_backend_load_all_from_path(arguments[1]);
    llama_model * model = llama_model_load_from_file(arguments[2], llama_model_default_params());
    llama_context_params params = llama_context_default_params();
    params.n_ctx = 64;
    params.n_threads = params.n_threads_batch = 1;
    llama_context * context = llama_init_from_model(model, params);
    const int32_t n_vocab = llama_vocab_n_tokens(llama_model_get_vocab(model));

    const auto forwards = decode(context, n_vocab);
    reserves = 0;
    std::vector<float> both_ways;
    {
        const vserve::Bidirectional attention(context, true);
        both_ways = decode(context, n_vocab);
    }
    const bool is_back = decode(context, n_vocab) == forwards;
    const int ours = reserves;
    llama_set_causal_attn(context, false);
    const auto expected = decode(context, n_vocab);
    llama_set_causal_attn(context, true);
    decode(context, n_vocab);
    const bool is_same = !expected.empty() && expected == both_ways && expected != forwards;
    std::printf("%d %d %s %s\n", ours, reserves - ours, is_same ? "same" : "different", is_back ? "back" : "stuck");
    llama_free(context);
    llama_model_free(model);
}
