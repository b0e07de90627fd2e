// Checks Sampler on rows of random logits: sampler-check transformers FILE | orders | dry MODEL | draws | learning |
// nothing-left | ngrams | no-numbers | outputs. Prints a line for each case that is wrong, and how many there were.

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
        settings.repetition_penalty >> settings.typical_p >> settings.no_repeat_ngram_size >>
        settings.no_repeat_ngram_prompt >> kept >> most >> least >> squares;
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

static constexpr int32_t no_window = 1000;

static llama_sampler * llama_sampler_for(SamplerKind kind, const SamplingSettings & settings, int32_t size) {
    const auto min_keep = static_cast<size_t>(settings.min_keep);
    switch (kind) {
        case SamplerKind::penalties:
            return llama_sampler_init_penalties(size, settings.penalty_window < 0 ? no_window : settings.penalty_window,
                                                settings.repetition_penalty, settings.frequency_penalty,
                                                settings.presence_penalty);
        case SamplerKind::temperature:
            return llama_sampler_init_temp_ext(settings.temperature, settings.temperature_range,
                                               settings.temperature_exponent);
        case SamplerKind::top_n_sigma:
            return llama_sampler_init_top_n_sigma(settings.top_n_sigma);
        case SamplerKind::top_k:
            return llama_sampler_init_top_k(settings.top_k);
        case SamplerKind::typical_p:
            return llama_sampler_init_typical(settings.typical_p, min_keep);
        case SamplerKind::top_p:
            return llama_sampler_init_top_p(settings.top_p, min_keep);
        case SamplerKind::xtc:
            return llama_sampler_init_xtc(settings.xtc_probability, settings.xtc_threshold, min_keep, 1);
        default:
            return llama_sampler_init_min_p(settings.min_p, min_keep);
    }
}

// The sampler that llama.cpp draws with.
static llama_sampler * last_of(const SamplingSettings & settings, int32_t size) {
    if (settings.mirostat == 1) {
        return llama_sampler_init_mirostat(size, 1, settings.mirostat_tau, settings.mirostat_eta, 100);
    }
    if (settings.mirostat == 2) {
        return llama_sampler_init_mirostat_v2(1, settings.mirostat_tau, settings.mirostat_eta);
    }
    return settings.adaptive_target >= 0
               ? llama_sampler_init_adaptive_p(settings.adaptive_target, settings.adaptive_decay, 1)
               : llama_sampler_init_dist(1);
}

// What a chain of llama.cpp's makes of a row, in order of the tokens' ids. Frees the chain.
static std::vector<llama_token_data> applied(llama_sampler * chain, const std::vector<float> & logits,
                                             const std::vector<llama_token> & answer) {
    for (const llama_token token : answer) {
        llama_sampler_accept(chain, token);
    }
    std::vector<llama_token_data> tokens;
    for (size_t i = 0; i < logits.size(); i++) {
        tokens.push_back({static_cast<llama_token>(i), logits[i], 0.0f});
    }
    llama_token_data_array array{tokens.data(), tokens.size(), -1, false};
    llama_sampler_apply(chain, &array);
    std::vector<llama_token_data> left(array.data, array.data + array.size);
    llama_sampler_free(chain);
    left.erase(std::remove_if(left.begin(), left.end(), [](const auto & token) { return token.p <= 0; }), left.end());
    std::sort(left.begin(), left.end(), [](const auto & a, const auto & b) { return a.id < b.id; });
    return left;
}

static std::vector<llama_token_data> chained(const std::vector<float> & logits, const SamplingSettings & settings,
                                             const std::vector<llama_token> & answer) {
    const auto size = static_cast<int32_t>(logits.size());
    llama_sampler * chain = llama_sampler_chain_init(llama_sampler_chain_default_params());
    for (const SamplerKind kind : settings.samplers) {
        llama_sampler_chain_add(chain, llama_sampler_for(kind, settings, size));
    }
    llama_sampler_chain_add(chain, last_of(settings, size));
    return applied(chain, logits, answer);
}

static bool same(const std::vector<llama_token_data> & a, const std::vector<llama_token_data> & b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](const auto & x, const auto & y) { return x.id == y.id && near(x.p, y.p); });
}

// One of five ways to end: llama.cpp's mirostat has no other sampler beside it but the temperature.
static void add_last(SamplingSettings & settings, Numbers & numbers) {
    const uint32_t way = numbers.next() % 5;
    settings.mirostat = way < 3 ? static_cast<int32_t>(way) : 0;
    settings.mirostat_tau = numbers.next() % 2 == 0 ? 2.0f : 5.0f;
    if (settings.mirostat > 0) {
        settings.samplers = {SamplerKind::temperature};
    } else if (way == 3) {
        settings.adaptive_target = 0.4f;
    }
}

static SamplingSettings random_settings(Numbers & numbers) {
    const auto pick = [&numbers](std::vector<float> values) { return values[numbers.next() % values.size()]; };
    SamplingSettings settings;
    settings.temperature = pick({0.5f, 0.8f, 1.0f, 1.7f});
    settings.temperature_range = pick({0.0f, 0.0f, 0.4f, 2.0f});
    settings.temperature_exponent = pick({1.0f, 0.5f, 2.0f});
    settings.top_k = static_cast<int32_t>(pick({-1, 3, 50}));
    settings.top_p = pick({1.0f, 0.95f, 0.6f});
    settings.min_p = pick({0.0f, 0.03f, 0.2f});
    settings.min_keep = static_cast<int32_t>(pick({0, 0, 5}));
    // llama.cpp's typical_p takes no tokens that its top_n_sigma forbade.
    (numbers.next() % 2 == 0 ? settings.typical_p : settings.top_n_sigma) = pick({0.5f, 0.9f});
    settings.xtc_probability = pick({0.0f, 1.0f});
    settings.xtc_threshold = pick({0.02f, 0.1f});
    settings.frequency_penalty = pick({0.0f, 0.7f});
    settings.repetition_penalty = pick({1.0f, 1.3f});
    settings.penalty_window = static_cast<int32_t>(pick({-1, 0, 10}));
    const std::vector<SamplerKind> kinds{SamplerKind::penalties, SamplerKind::temperature, SamplerKind::top_n_sigma,
                                         SamplerKind::top_k,     SamplerKind::typical_p,   SamplerKind::top_p,
                                         SamplerKind::min_p,     SamplerKind::xtc};
    settings.samplers.clear();
    for (uint32_t left = numbers.next() % 8; left > 0; left--) {
        settings.samplers.push_back(kinds[numbers.next() % kinds.size()]);
    }
    add_last(settings, numbers);
    return settings;
}

// Orders with each sampler at any place, missing, or twice.
static int check_orders() {
    constexpr int cases = 600;
    for (uint32_t seed = 1; seed <= cases; seed++) {
        Numbers numbers{seed};
        SamplingSettings settings = random_settings(numbers);
        const int32_t size = numbers.next() % 2 == 0 ? 100 : 3000;
        auto logits = numbers.row(size, numbers.next() % 2 == 0 ? "flat" : "peaked");
        // llama.cpp counts the prompt's tokens too.
        const auto answer = numbers.tokens(60, size);
        const auto expected = chained(logits, settings, answer);
        if (settings.adaptive_target >= 0) {
            settings.samplers.insert(settings.samplers.begin(), SamplerKind::adaptive_p);
        }
        Sampler sampler(size, settings);
        for (const llama_token token : answer) {
            sampler.accept(token, true);
        }
        const auto before = logits;
        if (!same(sampler.distribution(logits.data()), expected) || logits != before) {
            std::printf("other tokens than llama.cpp's: seed %u\n", seed);
        }
    }
    return cases;
}

// Repetitions in the prompt and the answer, across breakers and not, in windows or in all.
static int check_dry(const char * path) {
    constexpr int cases = 100;
    llama_model_params params = llama_model_default_params();
    params.vocab_only = true;
    llama_log_set([](ggml_log_level, const char *, void *) {}, nullptr);
    llama_model * model = llama_model_load_from_file(path, params);
    const llama_vocab * vocab = llama_model_get_vocab(model);
    const int32_t size = llama_vocab_n_tokens(vocab);
    vserve::DryFactory factory(vocab, no_window);
    int changed = 0;
    for (uint32_t seed = 1; seed <= cases; seed++) {
        Numbers numbers{seed};
        const auto pick = [&numbers](std::vector<float> values) { return values[numbers.next() % values.size()]; };
        SamplingSettings settings;
        settings.samplers = {SamplerKind::dry};
        settings.dry_multiplier = pick({0.4f, 2.0f});
        settings.dry_base = pick({1.0f, 1.75f, 3.0f});
        settings.dry_allowed_length = static_cast<int32_t>(pick({0, 1, 2, 4}));
        settings.dry_window = static_cast<int32_t>(pick({-1, 12, 40}));
        settings.dry_breakers = {"a", "\n", " the"};
        auto logits = numbers.row(size, "flat");
        // Few tokens: they repeat themselves.
        const uint32_t from = numbers.next() % static_cast<uint32_t>(size - 5);
        std::vector<llama_token> seen;
        for (int i = 0; i < 80; i++) {
            seen.push_back(static_cast<llama_token>(from + numbers.next() % 4));
        }
        std::vector<const char *> breakers;
        for (const auto & breaker : settings.dry_breakers) {
            breakers.push_back(breaker.c_str());
        }
        llama_sampler * chain = llama_sampler_chain_init(llama_sampler_chain_default_params());
        llama_sampler_chain_add(chain, llama_sampler_init_dry(vocab, settings.dry_multiplier, settings.dry_base,
                                                              settings.dry_allowed_length,
                                                              settings.dry_window < 0 ? no_window : settings.dry_window,
                                                              breakers.data(), breakers.size()));
        llama_sampler_chain_add(chain, llama_sampler_init_dist(1));
        const auto expected = applied(chain, logits, seen);
        Sampler sampler(size, settings, factory.make(settings)), plain(size, {});
        for (size_t i = 0; i < seen.size(); i++) {
            sampler.accept(seen[i], i > 40);
        }
        const auto own = sampler.distribution(logits.data());
        if (!same(own, expected)) {
            std::printf("other tokens than llama.cpp's: seed %u\n", seed);
        }
        changed += same(own, plain.distribution(logits.data())) ? 0 : 1;
    }
    if (changed < cases / 2) {
        std::printf("only %d have a repetition\n", changed);
    }
    llama_model_free(model);
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

// What llama.cpp draws teaches ours: step by step both must leave the same tokens, with the same probabilities.
static bool learns_the_same(llama_sampler * other, const SamplingSettings & settings) {
    vserve::Mirostat mirostat(settings.mirostat, settings.mirostat_tau, settings.mirostat_eta);
    vserve::AdaptiveP adaptive(settings.adaptive_target, settings.adaptive_decay);
    vserve::Candidates candidates;
    Numbers numbers{3};
    bool is_same = true;
    for (int step = 0; step < 60; step++) {
        auto logits = numbers.row(500, step % 2 == 0 ? "peaked" : "flat");
        std::vector<llama_token_data> tokens;
        for (llama_token token = 0; token < 500; token++) {
            tokens.push_back({token, logits[token], 0});
        }
        llama_token_data_array array{tokens.data(), tokens.size(), -1, false};
        llama_sampler_apply(other, &array);
        const llama_token_data selected = array.data[array.selected];
        llama_sampler_accept(other, selected.id);
        candidates.begin(logits.data(), 500);
        if (!mirostat.is_off()) {
            mirostat.narrow(candidates, 500);
        }
        auto & list = candidates.list();
        const auto before = candidates.probabilities();
        if (mirostat.is_off()) {
            adaptive.transform(list, before);
        }
        const auto probabilities = candidates.probabilities();
        const auto at = std::find_if(list.begin(), list.end(), [&](const auto & one) { return one.token == selected.id; });
        if (at == list.end() || list.size() != array.size) {
            return false;
        }
        const auto place = static_cast<size_t>(at - list.begin());
        is_same = is_same && near(probabilities[place], selected.p);
        mirostat.learn(before[place]);
        adaptive.learn(before[place]);
    }
    llama_sampler_free(other);
    return is_same;
}

// Whether what is drawn teaches the sampler: Mirostat's surprise has its target on average, and adaptive-p moves its own.
static int check_learning() {
    SamplingSettings settings;
    settings.adaptive_target = 0.02f;
    if (!learns_the_same(last_of(settings, 500), settings)) {
        std::printf("adaptive_p learns something else\n");
    }
    constexpr int draws = 4000;
    auto logits = Numbers{4}.row(2000, "peaked");
    settings.seed = 1;
    Sampler adaptive(2000, settings);
    const auto first = adaptive.distribution(logits.data());
    adaptive.accept(adaptive.sample(logits.data()), true);
    if (same(adaptive.distribution(logits.data()), first)) {
        std::printf("adaptive_p does not learn\n");
    }
    for (const int32_t version : {1, 2}) {
        settings.mirostat = version;
        settings.mirostat_tau = 4;
        if (!learns_the_same(last_of(settings, 500), settings)) {
            std::printf("mirostat %d learns something else\n", version);
        }
        Sampler sampler(2000, settings);
        double surprise = 0;
        for (int i = 0; i < draws; i++) {
            const auto left = sampler.distribution(logits.data());
            const llama_token token = sampler.sample(logits.data());
            const auto drawn = std::find_if(left.begin(), left.end(), [token](const auto & one) { return one.id == token; });
            surprise -= std::log2(drawn->p) / draws;
            sampler.accept(token, true);
        }
        if (std::abs(surprise - 4) > 0.2) {
            std::printf("mirostat %d: a surprise of %f\n", version, surprise);
        }
    }
    return 3;
}

// Settings that forbid everything: told as an error of the request where they do it alone, else they spare what is left.
static int check_nothing_left() {
    auto logits = Numbers{1}.row(200, "flat");
    const auto before = logits;
    SamplingSettings settings;
    for (llama_token token = 0; token < 200; token++) {
        settings.biases.push_back({token, -INFINITY});
    }
    try {
        Sampler(200, settings).sample(logits.data());
        std::printf("a forbidden token is drawn\n");
    } catch (const vserve::EngineError & error) {
        if (error.code != "invalid_request" || logits != before) {
            std::printf("%s\n", error.what());
        }
    }
    SamplingSettings narrow;
    narrow.no_repeat_ngram_size = 1;
    narrow.top_k = 1;
    narrow.samplers = {SamplerKind::top_k, SamplerKind::no_repeat_ngram};
    Sampler sampler(200, narrow);
    const llama_token first = sampler.sample(logits.data());
    sampler.accept(first, true);
    if (sampler.sample(logits.data()) != first) {
        std::printf("the only token that is left is not drawn\n");
    }
    // Nor are the tokens that end an answer drawn before its time.
    SamplingSettings patient;
    patient.temperature = 0;
    patient.min_tokens = 2;
    patient.endings = {first};
    Sampler waiting(200, patient);
    for (int i = 0; i < 2; i++) {
        const llama_token token = waiting.sample(logits.data());
        if (token == first) {
            std::printf("the answer ends after %d tokens\n", i);
        }
        waiting.accept(token, true);
    }
    if (waiting.sample(logits.data()) != first) {
        std::printf("the answer does not end\n");
    }
    return 3;
}

// Whether a token would complete a sequence that is there within the last tokens, one after the other.
static bool repeats(const std::vector<llama_token> & seen, llama_token token, int32_t size, int32_t window) {
    std::vector<llama_token> with = seen;
    with.push_back(token);
    const auto count = static_cast<int32_t>(seen.size());
    for (int32_t from = std::max(0, window < 0 ? 0 : count - window); from + size <= count; from++) {
        if (std::equal(with.end() - size, with.end(), with.begin() + from)) {
            return true;
        }
    }
    return false;
}

// Of few tokens, so that much is repeated.
static int check_ngrams() {
    constexpr int32_t n_tokens = 4;
    constexpr int cases = 200;
    Numbers numbers{3};
    for (int i = 0; i < cases; i++) {
        SamplingSettings settings;
        settings.no_repeat_ngram_size = 1 + static_cast<int32_t>(numbers.next() % 4);
        settings.no_repeat_ngram_window = numbers.next() % 2 == 0 ? -1 : static_cast<int32_t>(numbers.next() % 12) + 4;
        settings.no_repeat_ngram_prompt = numbers.next() % 2 == 0;
        settings.no_repeat_ngram_allowed = {1};
        const auto prompt = numbers.tokens(8, n_tokens);
        const auto answer = numbers.tokens(8, n_tokens);
        Sampler sampler(n_tokens, settings);
        std::vector<llama_token> seen;
        for (size_t at = 0; at < prompt.size(); at++) {
            if (at == prompt.size() / 2) {
                sampler.pass_image();
                seen.push_back(-1);
            }
            sampler.accept(prompt[at], false);
            seen.push_back(prompt[at]);
        }
        if (!settings.no_repeat_ngram_prompt) {
            seen.clear();
        }
        for (const llama_token token : answer) {
            sampler.accept(token, true);
            seen.push_back(token);
        }
        std::vector<float> logits(n_tokens, 0);
        std::vector<llama_token> kept;
        for (const auto & token : sampler.distribution(logits.data())) {
            kept.push_back(token.id);
        }
        std::vector<llama_token> expected;
        for (llama_token token = 0; token < n_tokens; token++) {
            if (token == 1 || !repeats(seen, token, settings.no_repeat_ngram_size, settings.no_repeat_ngram_window)) {
                expected.push_back(token);
            }
        }
        if (kept != expected) {
            std::printf("other tokens in case %d\n", i);
        }
    }
    return cases;
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
    // A token that a model rules out by itself is none. The greatest floats are numbers, though not their sum.
    const float greatest = std::numeric_limits<float>::max();
    for (const float taken : {-INFINITY, greatest, -greatest}) {
        for (const size_t place : {0, 63, 100, 197}) {
            auto logits = row;
            std::fill_n(logits.begin() + static_cast<std::ptrdiff_t>(place), 3, taken);
            cases++;
            vserve::LogitsRow read;
            if (refused(logits)) {
                std::printf("%f is refused at %zu\n", taken, place);
                continue;
            }
            read.read(logits.data(), static_cast<int32_t>(logits.size()));
            if (read.likeliest() != std::max_element(logits.begin(), logits.end()) - logits.begin()) {
                std::printf("beside %f at %zu, another token is the likeliest\n", taken, place);
            }
        }
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
                      : what == "dry"        ? check_dry(arguments[2])
                      : what == "learning"   ? check_learning()
                      : what == "nothing-left" ? check_nothing_left()
                      : what == "ngrams"     ? check_ngrams()
                      : what == "outputs"    ? check_outputs()
                                             : check_no_numbers();
    std::printf("%d cases\n", cases);
}
