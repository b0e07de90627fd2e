// Draws tokens with Sampler and with llama.cpp's chain alone, under biases that lift unlikely tokens and remove likely ones:
// sampler-check FOLDER_OF_BACKENDS MODEL. Prints a line for each case that differs, and how many there were.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <vector>

#include "ggml-backend.h"
#include "sampler.h"

using vserve::Sampler;

// Token ids, the likeliest first.
static std::vector<llama_token> ranked(llama_context * context, int32_t n_tokens) {
    const float * logits = llama_get_logits_ith(context, -1);
    std::vector<llama_token> tokens(n_tokens);
    std::iota(tokens.begin(), tokens.end(), 0);
    std::sort(tokens.begin(), tokens.end(), [logits](auto a, auto b) { return logits[a] > logits[b]; });
    return tokens;
}

int main(int, char ** arguments) {
    llama_log_set([](ggml_log_level, const char *, void *) {}, nullptr);
    ggml_backend_load_all_from_path(arguments[1]);
    llama_model * model = llama_model_load_from_file(arguments[2], llama_model_default_params());
    llama_context_params params = llama_context_default_params();
    params.n_ctx = 64;
    llama_context * context = llama_init_from_model(model, params);
    llama_token token = llama_vocab_bos(llama_model_get_vocab(model));
    llama_decode(context, llama_batch_get_one(&token, 1));

    const auto tokens = ranked(context, llama_vocab_n_tokens(llama_model_get_vocab(model)));
    const std::vector<std::vector<llama_logit_bias>> biases{
        {},
        {{tokens.back(), 1000.0f}},
        {{tokens[0], -INFINITY}, {tokens[1], -INFINITY}},
        {{tokens[0], -INFINITY}, {tokens[700], 25.0f}, {tokens[800], 25.0f}, {tokens[2], -3.0f}},
    };
    int cases = 0;
    for (size_t i = 0; i < biases.size(); i++) {
        for (const int32_t top_k : {1, 5, 40}) {
            for (const uint32_t seed : {0, 1, 2, 3, 4}) {
                common_params_sampling sampling;
                sampling.temp = seed == 0 ? 0.0f : 1.5f;
                sampling.top_k = top_k;
                sampling.seed = seed;
                sampling.logit_bias = biases[i];
                common_params_sampling same = sampling;
                common_sampler * chain = common_sampler_init(model, same);
                const llama_token wanted = common_sampler_sample(chain, context, -1);
                const llama_token drawn = Sampler(model, sampling).sample(context, -1);
                common_sampler_free(chain);
                cases++;
                if (drawn != wanted) {
                    std::printf("bias %zu, top_k %d, seed %u: %d instead of %d\n", i, top_k, seed, drawn, wanted);
                }
            }
        }
    }
    std::printf("%d cases\n", cases);
    llama_free(context);
    llama_model_free(model);
}
