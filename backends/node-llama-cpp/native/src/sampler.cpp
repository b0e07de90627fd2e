#include "sampler.h"

#include <algorithm>
#include <cmath>

namespace vserve {

namespace {

// Per token, measured: see cost().
constexpr int64_t cost_of_weights = 4;
constexpr int64_t cost_of_nucleus = 6;
constexpr int64_t cost_of_list = 24;
// Logits divided by less overflow.
constexpr float least_temperature = 1e-5f;
// As in llama.cpp: above it, no two tokens could pass.
constexpr float greatest_xtc_threshold = 0.5f;

bool narrows(SamplerKind kind) {
    return kind != SamplerKind::penalties && kind != SamplerKind::no_repeat_ngram && kind != SamplerKind::dry &&
           kind != SamplerKind::temperature;
}

}  // namespace

class Sampler::Restored {
  public:
    explicit Restored(Candidates & candidates) : candidates_(candidates) {}
    ~Restored() { candidates_.restore(); }
    Restored(const Restored &) = delete;
    Restored & operator=(const Restored &) = delete;

  private:
    Candidates & candidates_;
};

Sampler::Sampler(int32_t n_tokens, SamplingSettings settings, std::unique_ptr<Dry> dry)
    : n_tokens_(n_tokens),
      settings_(std::move(settings)),
      penalties_(settings_),
      no_repeat_ngram_(settings_),
      dry_(std::move(dry)),
      adaptive_p_(settings_.adaptive_target, settings_.adaptive_decay),
      mirostat_(settings_.mirostat, settings_.mirostat_tau, settings_.mirostat_eta),
      random_(settings_.seed ? *settings_.seed : std::random_device()()) {
    for (const SamplerKind kind : settings_.samplers) {
        if (changes_something(kind)) {
            samplers_.push_back(kind);
        }
    }
    if (is_greedy()) {
        leave_out_what_greed_ignores();
    }
}

bool Sampler::uses(SamplerKind kind) const {
    return std::find(samplers_.begin(), samplers_.end(), kind) != samplers_.end();
}

bool Sampler::changes_something(SamplerKind kind) const {
    if (!mirostat_.is_off() && narrows(kind)) {
        return false;
    }
    switch (kind) {
        case SamplerKind::penalties:
            return !penalties_.are_off();
        case SamplerKind::no_repeat_ngram:
            return !no_repeat_ngram_.is_off();
        case SamplerKind::dry:
            return dry_ != nullptr;
        case SamplerKind::top_n_sigma:
            return settings_.top_n_sigma > 0;
        case SamplerKind::temperature:
            return settings_.temperature != 1.0f || settings_.temperature_range > 0;
        case SamplerKind::top_k:
            return settings_.top_k > 0 && settings_.top_k < n_tokens_;
        case SamplerKind::typical_p:
            return settings_.typical_p < 1.0f;
        case SamplerKind::top_p:
            return settings_.top_p < 1.0f;
        case SamplerKind::min_p:
            return settings_.min_p > 0.0f;
        case SamplerKind::xtc:
            return settings_.xtc_probability > 0 && settings_.xtc_threshold <= greatest_xtc_threshold;
        case SamplerKind::adaptive_p:
            return !adaptive_p_.is_off();
    }
    return false;
}

// The likeliest token passes those that narrow, but typical_p and xtc. Where a temperature of 0 comes first, it is alone.
void Sampler::leave_out_what_greed_ignores() {
    const auto temperature = std::find(samplers_.begin(), samplers_.end(), SamplerKind::temperature);
    const auto is_idle = [](SamplerKind kind) {
        return kind == SamplerKind::temperature || kind == SamplerKind::adaptive_p;
    };
    const auto is_idle_behind = [&](SamplerKind kind) {
        return is_idle(kind) || kind == SamplerKind::typical_p || kind == SamplerKind::xtc;
    };
    samplers_.erase(std::remove_if(temperature, samplers_.end(), is_idle_behind), samplers_.end());
    samplers_.erase(std::remove_if(samplers_.begin(), samplers_.end(), is_idle), samplers_.end());
    while (!samplers_.empty() && narrows(samplers_.back()) && samplers_.back() != SamplerKind::typical_p &&
           samplers_.back() != SamplerKind::xtc) {
        samplers_.pop_back();
    }
}

llama_token Sampler::sample(float * logits) {
    const Restored restored(candidates_);
    apply_all(logits);
    drawn_ = is_greedy() ? candidates_.likeliest() : candidates_.at_fraction(fraction());
    if (!is_greedy() && (uses(SamplerKind::adaptive_p) || !mirostat_.is_off())) {
        const auto & list = candidates_.list();
        const auto at = std::find_if(list.begin(), list.end(), [this](const auto & one) { return one.token == drawn_; });
        const auto & known = mirostat_.is_off() ? probabilities_ : candidates_.probabilities();
        probability_ = known[static_cast<size_t>(at - list.begin())];
    }
    return drawn_;
}

std::vector<llama_token_data> Sampler::distribution(float * logits) {
    const Restored restored(candidates_);
    apply_all(logits);
    if (is_greedy()) {
        candidates_.keep_first();
    }
    const auto & list = candidates_.list();
    const auto probabilities = candidates_.probabilities();
    std::vector<llama_token_data> tokens;
    for (size_t i = 0; i < list.size(); i++) {
        if (probabilities[i] > 0) {
            tokens.push_back({list[i].token, list[i].logit / candidates_.temperature(), probabilities[i]});
        }
    }
    return tokens;
}

void Sampler::accept(llama_token token, bool in_answer) {
    penalties_.see(token, in_answer);
    no_repeat_ngram_.see(token, in_answer);
    if (dry_) {
        dry_->see(token);
    }
    if (!in_answer) {
        return;
    }
    n_answered_++;
    if (token == drawn_ && !is_greedy()) {
        learn();
    }
    drawn_ = LLAMA_TOKEN_NULL;
}

void Sampler::learn() {
    if (!mirostat_.is_off()) {
        mirostat_.learn(probability_);
    } else if (uses(SamplerKind::adaptive_p)) {
        adaptive_p_.learn(probability_);
    }
}

llama_token Sampler::sample_with_repeats(float * logits) {
    struct Allowed {
        bool & may_repeat;
        explicit Allowed(bool & may_repeat) : may_repeat(may_repeat) { may_repeat = true; }
        ~Allowed() { may_repeat = false; }
    };
    const Allowed allowed(may_repeat_);
    return sample(logits);
}

int64_t Sampler::cost() const {
    if (uses(SamplerKind::adaptive_p) || settings_.mirostat == 1) {
        return n_tokens_ * cost_of_list;
    }
    const bool is_short = (is_greedy() && !uses(SamplerKind::typical_p)) || uses(SamplerKind::top_k) || uses(SamplerKind::min_p);
    const bool has_nucleus = uses(SamplerKind::top_p) || uses(SamplerKind::typical_p);
    const int64_t for_each = has_nucleus ? cost_of_nucleus : cost_of_weights;
    return n_tokens_ * (is_short ? 1 : for_each);
}

void Sampler::apply_all(float * logits) {
    candidates_.begin(logits, n_tokens_);
    for (const auto & [token, bias] : settings_.biases) {
        candidates_.set(token, logits[token] + bias);
    }
    if (n_answered_ < settings_.min_tokens) {
        for (const llama_token token : settings_.endings) {
            candidates_.set(token, -INFINITY);
        }
    }
    for (const SamplerKind kind : samplers_) {
        apply(kind);
    }
    apply_last();
}

void Sampler::apply(SamplerKind kind) {
    const auto subtracted = [](float logit, float cost) { return logit - cost; };
    switch (kind) {
        case SamplerKind::penalties:
            candidates_.change(penalties_.seen(), [this](float logit, const Penalties::Count & count) {
                return penalties_.penalized(logit, count);
            });
            break;
        case SamplerKind::no_repeat_ngram:
            if (!may_repeat_) {
                candidates_.change(no_repeat_ngram_.forbidden(), subtracted);
            }
            break;
        case SamplerKind::dry:
            candidates_.change(dry_->penalties(), subtracted);
            break;
        case SamplerKind::top_n_sigma:
            candidates_.keep_sigma(settings_.top_n_sigma);
            break;
        case SamplerKind::temperature:
            heat();
            break;
        case SamplerKind::top_k:
            candidates_.keep_likeliest(settings_.top_k);
            break;
        case SamplerKind::typical_p:
            candidates_.keep_typical(settings_.typical_p, settings_.min_keep);
            break;
        case SamplerKind::top_p:
            candidates_.keep_mass(settings_.top_p, settings_.min_keep);
            break;
        case SamplerKind::min_p:
            candidates_.keep_relative(settings_.min_p, settings_.min_keep);
            break;
        case SamplerKind::xtc:
            leave_out_top();
            break;
        case SamplerKind::adaptive_p:
            break;  // wherever it stands, it is the last
    }
}

void Sampler::apply_last() {
    if (is_greedy()) {
        return;
    }
    if (!mirostat_.is_off()) {
        mirostat_.narrow(candidates_, n_tokens_);
    } else if (uses(SamplerKind::adaptive_p)) {
        auto & list = candidates_.list();
        probabilities_ = candidates_.probabilities();
        adaptive_p_.transform(list, probabilities_);
        candidates_.set_temperature(1);
    }
}

// With a range, the temperature is the higher the less certain the model is.
void Sampler::heat() {
    if (settings_.temperature_range <= 0) {
        candidates_.set_temperature(candidates_.temperature() * settings_.temperature);
        return;
    }
    const size_t count = candidates_.count();
    if (count <= 1) {
        return;
    }
    const float least = std::max(0.0f, settings_.temperature - settings_.temperature_range);
    const float most = settings_.temperature + settings_.temperature_range;
    const auto share = static_cast<float>(candidates_.entropy() / std::log(static_cast<double>(count)));
    const float raised = std::min(1.0f, std::pow(std::max(0.0f, share), settings_.temperature_exponent));
    const float temperature = least + (most - least) * raised;
    if (temperature < least_temperature) {
        candidates_.keep_first();
    } else {
        candidates_.set_temperature(candidates_.temperature() * temperature);
    }
}

void Sampler::leave_out_top() {
    if (candidates_.count() > 1 && fraction() <= settings_.xtc_probability) {
        candidates_.leave_out_top(settings_.xtc_threshold, settings_.min_keep);
    }
}

// Uniform from 0 to below 1, the same for a seed on every platform.
double Sampler::fraction() {
    const uint64_t high = random_() >> 5;
    const uint64_t low = random_() >> 6;
    return static_cast<double>((high << 26) + low) / (1ull << 53);
}

}  // namespace vserve
