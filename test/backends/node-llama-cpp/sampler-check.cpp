// Checks Sampler on rows of random logits: sampler-check transformers FILE | orders | draws | no-numbers |
// outputs. Prints a line for each case that is wrong, and how many there were.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>

#include "batch.h"
#include "error.h"
#include "llama.h"
#include "sampler.h"

using vserve::Sampler;
using vserve::SamplerKind;
using vserve::SamplingSettings;

// The same rows as in test/reference/sampling.py.
struct Numbers {
    uint32_t state;

    uint32_t next() {
        state = state * 1664525u + 1013904223u;
        return state >> 8;
    }

    std::vector<float> row(int32_t size, const std::string & shape) {
        std::vector<float> logits;
        for (int32_t i = 0; i < size; i++) {
            const float unit = next() / 16777216.0f;
            const float squared = unit * unit;
            logits.push_back(shape == "ties"   ? std::floor(unit * 16.0f) / 4.0f
                             : shape == "flat" ? (unit - 0.5f) * 8.0f
                                               : squared * squared * squared * 16.0f);
        }
        return logits;
    }

    std::vector<llama_token> tokens(int32_t count, int32_t size) {
        std::vector<llama_token> list;
        for (int32_t i = 0; i < count; i++) {
            list.push_back(static_cast<llama_token>(next() % size));
        }
        return list;
    }
};

static bool near(double a, double b) {
    return std::abs(a - b) <= 2e-5 * std::max(1.0, std::abs(b)) && std::abs(a - b) <= 1e-3 * std::abs(b);
}

static bool check_line(const std::string & line) {
    std::istringstream columns(line);
    Numbers numbers{};
    int32_t size, in_prompt, in_answer;
    size_t kept;
    std::string shape;
    double most, least, squares;
    SamplingSettings settings;
    columns >> numbers.state >> size >> shape >> in_prompt >> in_answer >> settings.temperature >> settings.top_k >>
        settings.top_p >> settings.min_p >> settings.frequency_penalty >> settings.presence_penalty >>
        settings.repetition_penalty >> kept >> most >> least >> squares;
    auto logits = numbers.row(size, shape);
    Sampler sampler(size, settings);
    for (const llama_token token : numbers.tokens(in_prompt, size)) {
        sampler.accept(token, false);
    }
    for (const llama_token token : numbers.tokens(in_answer, size)) {
        sampler.accept(token, true);
    }
    const auto before = logits;
    const auto tokens = sampler.distribution(logits.data());
    double greatest = 0, smallest = 1, sum_of_squares = 0;
    for (const auto & token : tokens) {
        greatest = std::max(greatest, static_cast<double>(token.p));
        smallest = std::min(smallest, static_cast<double>(token.p));
        sum_of_squares += static_cast<double>(token.p) * token.p;
    }
    return tokens.size() == kept && near(greatest, most) && near(smallest, least) && near(sum_of_squares, squares) &&
           logits == before;
}

static int check_transformers(const char * path) {
    std::ifstream file(path);
    std::string line;
    int cases = 0;
    while (std::getline(file, line)) {
        cases++;
        if (!check_line(line)) {
            std::printf("other tokens: %s\n", line.c_str());
        }
    }
    return cases;
}

static llama_sampler * llama_sampler_for(SamplerKind kind, const SamplingSettings & settings, int32_t size) {
    switch (kind) {
        case SamplerKind::penalties:
            return llama_sampler_init_penalties(size, 1000, settings.repetition_penalty, settings.frequency_penalty,
                                                settings.presence_penalty);
        case SamplerKind::temperature:
            return llama_sampler_init_temp(settings.temperature);
        case SamplerKind::top_k:
            return llama_sampler_init_top_k(settings.top_k);
        case SamplerKind::top_p:
            return llama_sampler_init_top_p(settings.top_p, 0);
        default:
            return llama_sampler_init_min_p(settings.min_p, 0);
    }
}

// What llama.cpp's chain makes of the same row, in order of the tokens' ids.
static std::vector<llama_token_data> chained(const std::vector<float> & logits, const SamplingSettings & settings,
                                             const std::vector<llama_token> & answer) {
    const auto size = static_cast<int32_t>(logits.size());
    llama_sampler * chain = llama_sampler_chain_init(llama_sampler_chain_default_params());
    for (const SamplerKind kind : settings.samplers) {
        llama_sampler_chain_add(chain, llama_sampler_for(kind, settings, size));
    }
    llama_sampler_chain_add(chain, llama_sampler_init_dist(1));
    for (const llama_token token : answer) {
        llama_sampler_accept(chain, token);
    }
    std::vector<llama_token_data> tokens;
    for (int32_t i = 0; i < size; i++) {
        tokens.push_back({i, logits[i], 0.0f});
    }
    llama_token_data_array array{tokens.data(), tokens.size(), -1, false};
    llama_sampler_apply(chain, &array);
    tokens.resize(array.size);
    llama_sampler_free(chain);
    std::sort(tokens.begin(), tokens.end(), [](const auto & a, const auto & b) { return a.id < b.id; });
    return tokens;
}

static bool same(const std::vector<llama_token_data> & a, const std::vector<llama_token_data> & b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](const auto & x, const auto & y) { return x.id == y.id && near(x.p, y.p); });
}

// Orders with each sampler at any place, missing, or twice.
static int check_orders() {
    constexpr int cases = 300;
    for (uint32_t seed = 1; seed <= cases; seed++) {
        Numbers numbers{seed};
        const auto pick = [&numbers](std::vector<float> values) { return values[numbers.next() % values.size()]; };
        SamplingSettings settings;
        settings.temperature = pick({0.5f, 0.8f, 1.0f, 1.7f});
        settings.top_k = static_cast<int32_t>(pick({-1, 3, 50}));
        settings.top_p = pick({1.0f, 0.95f, 0.6f});
        settings.min_p = pick({0.0f, 0.03f, 0.2f});
        settings.frequency_penalty = pick({0.0f, 0.7f});
        settings.repetition_penalty = pick({1.0f, 1.3f});
        settings.samplers.clear();
        for (int left = numbers.next() % 7; left > 0; left--) {
            settings.samplers.push_back(static_cast<SamplerKind>(numbers.next() % 5));
        }
        const int32_t size = numbers.next() % 2 == 0 ? 100 : 3000;
        auto logits = numbers.row(size, numbers.next() % 2 == 0 ? "flat" : "peaked");
        // llama.cpp counts the prompt's tokens too.
        const auto answer = numbers.tokens(60, size);
        Sampler sampler(size, settings);
        for (const llama_token token : answer) {
            sampler.accept(token, true);
        }
        if (!same(sampler.distribution(logits.data()), chained(logits, settings, answer))) {
            std::printf("other tokens than llama.cpp's: seed %u\n", seed);
        }
    }
    return cases;
}

// Pearson's test: whether many draws come as often as their probabilities say.
static bool come_as_often(Sampler & sampler, std::vector<float> logits) {
    constexpr int draws = 40000;
    constexpr double rare = 8;  // expected draws; rarer tokens are counted together
    const auto expected = sampler.distribution(logits.data());
    std::vector<int> drawn(logits.size());
    for (int i = 0; i < draws; i++) {
        drawn[sampler.sample(logits.data())]++;
    }
    double statistic = 0, rest = draws, drawn_rest = draws;
    int cells = 0;
    for (const auto & token : expected) {
        const double wanted = token.p * static_cast<double>(draws);
        if (wanted >= rare) {
            statistic += std::pow(drawn[token.id] - wanted, 2) / wanted;
            rest -= wanted;
            drawn_rest -= drawn[token.id];
            cells++;
        }
    }
    if (rest >= rare) {
        statistic += std::pow(drawn_rest - rest, 2) / rest;
        cells++;
    }
    for (const auto & token : expected) {
        drawn[token.id] = 0;
    }
    const bool only_expected = std::all_of(drawn.begin(), drawn.end(), [](int count) { return count == 0; });
    return only_expected && statistic < cells + 4 * std::sqrt(2.0 * cells);
}

static int check_draws() {
    std::vector<SamplingSettings> cases(6);
    cases[1].temperature = 0.6f;
    cases[2].top_k = 20;
    cases[3].top_p = 0.9f;
    cases[4].min_p = 0.1f;
    cases[5].frequency_penalty = 1.0f;
    cases[5].biases = {{0, 3.0f}, {1, -INFINITY}, {70, -INFINITY}};
    for (size_t i = 0; i < cases.size(); i++) {
        cases[i].seed = 5;
        Sampler sampler(150, cases[i]);
        for (const llama_token token : {3, 3, 70, 149}) {
            sampler.accept(token, true);
        }
        if (!come_as_often(sampler, Numbers{7}.row(150, i % 2 == 0 ? "flat" : "peaked"))) {
            std::printf("draws do not follow the probabilities: case %zu\n", i);
        }
    }
    // A sampler that removes nothing leaves the draw as it is, and a seed draws the same again.
    auto logits = Numbers{9}.row(70000, "peaked");
    SamplingSettings plain;
    plain.seed = 11;
    SamplingSettings narrow = plain;
    narrow.min_p = 1e-20f;
    Sampler one(70000, plain), other(70000, plain), gathered(70000, narrow);
    for (int i = 0; i < 200; i++) {
        const llama_token token = one.sample(logits.data());
        if (other.sample(logits.data()) != token || gathered.sample(logits.data()) != token) {
            std::printf("draw %d is another\n", i);
        }
    }
    // The likeliest is the first of those that are equal, whatever the other settings.
    SamplingSettings greedy;
    greedy.temperature = 0;
    greedy.top_p = 0.5f;
    greedy.top_k = 40;
    auto equal = Numbers{3}.row(700, "ties");
    const auto first = std::max_element(equal.begin(), equal.end()) - equal.begin();
    if (Sampler(700, greedy).sample(equal.data()) != first) {
        std::printf("greedy is not the first of the likeliest\n");
    }
    return static_cast<int>(cases.size());
}

// Whether a row is refused, by samplers that look at it in each way.
static bool refused(const std::vector<float> & row) {
    std::vector<SamplingSettings> ways(6);
    ways[1].temperature = 0;
    ways[2].top_k = 5;
    ways[3].top_p = 0.9f;
    ways[4].min_p = 0.1f;
    ways[5].samplers = {SamplerKind::top_k, SamplerKind::temperature};
    int refusals = 0;
    for (const auto & settings : ways) {
        auto logits = row;
        try {
            Sampler(static_cast<int32_t>(row.size()), settings).sample(logits.data());
        } catch (const vserve::EngineError & error) {
            refusals += error.code == "generation_failed" && std::strstr(error.what(), "no numbers") != nullptr;
        }
    }
    return refusals == static_cast<int>(ways.size());
}

static int check_no_numbers() {
    int cases = 0;
    const auto row = Numbers{1}.row(200, "flat");
    for (const float bad : {NAN, INFINITY}) {
        for (const size_t place : {0, 1, 63, 64, 130, 191, 192, 199}) {
            auto logits = row;
            logits[place] = bad;
            cases++;
            if (!refused(logits)) {
                std::printf("%f is taken at %zu\n", bad, place);
            }
        }
    }
    cases += 2;
    if (!refused(std::vector<float>(200, NAN)) || !refused(std::vector<float>(200, -INFINITY))) {
        std::printf("a row of nothing is taken\n");
    }
    // A token that a model rules out by itself is none.
    auto ruled_out = row;
    ruled_out[0] = -INFINITY;
    cases++;
    if (refused(ruled_out)) {
        std::printf("minus infinity is refused\n");
    }
    return cases;
}

static int check_outputs() {
    vserve::Batch batch(2);
    int refused = 0;
    for (const bool output : {true, false, true, true, false, true}) {
        try {
            batch.add_token(1, batch.size(), 0, output);
        } catch (const vserve::EngineError & error) {
            refused += error.code == "internal_error";
        }
    }
    const auto tokens = batch.tokens();
    int rows = 0;
    for (int32_t i = 0; i < tokens.n_tokens; i++) {
        rows += tokens.logits[i];
    }
    if (refused != 2 || rows != 2) {
        std::printf("%d rows, %d refused\n", rows, refused);
    }
    batch.clear();
    batch.add_token(1, 0, 0, true);
    return 1;
}

int main(int, char ** arguments) {
    const std::string what = arguments[1];
    const int cases = what == "transformers" ? check_transformers(arguments[2])
                      : what == "orders"     ? check_orders()
                      : what == "draws"      ? check_draws()
                      : what == "outputs"    ? check_outputs()
                                             : check_no_numbers();
    std::printf("%d cases\n", cases);
}
