#include "candidates.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "nucleus.h"
#include "typical.h"
#include "weight.h"

namespace vserve {

namespace {

// A rounding error must not cut the nucleus short.
constexpr double margin = 0.999;

bool is_less(const Candidate & a, const Candidate & b) {
    return a.logit < b.logit;
}

// The standard deviation of the logits that are not minus infinity.
double deviation_of(const std::vector<Candidate> & list) {
    double sum = 0;
    double counted = 0;
    for (const auto & [token, logit] : list) {
        sum += logit > -INFINITY ? logit : 0.0;
        counted += logit > -INFINITY ? 1 : 0;
    }
    const double mean = sum / counted;
    double squares = 0;
    for (const auto & [token, logit] : list) {
        squares += logit > -INFINITY ? (logit - mean) * (logit - mean) : 0.0;
    }
    return std::sqrt(squares / counted);
}

template <typename IsOut>
void erase_if(std::vector<Candidate> & list, const IsOut & is_out) {
    list.erase(std::remove_if(list.begin(), list.end(), is_out), list.end());
}

}  // namespace

void Candidates::begin(float * logits, int32_t count) {
    logits_ = logits;
    size_ = count;
    is_read_ = false;
    is_listed_ = false;
    n_more_ = 0;
    temperature_ = 1;
}

void Candidates::restore() {
    for (auto own = changed_.rbegin(); own != changed_.rend(); own++) {
        logits_[own->token] = own->logit;
    }
    changed_.clear();
}

void Candidates::set(llama_token token, float logit) {
    changed_.push_back({token, logits_[token]});
    logits_[token] = logit;
    is_read_ = false;
}

void Candidates::read() {
    if (is_read_ || is_listed_) {
        return;
    }
    try {
        row_.read(logits_, size_);
    } catch (const NoNumbers &) {
        if (changed_.empty()) {
            throw;
        }
        restore();
        row_.read(logits_, size_);
        throw EngineError("invalid_request", "The logit biases and the other sampling settings leave no token to choose from.");
    }
    is_read_ = true;
}

float Candidates::greatest() {
    read();
    return is_listed_ ? std::max_element(list_.begin(), list_.end(), is_less)->logit : row_.greatest();
}

double Candidates::total_weight() {
    const float scale = 1 / temperature_;
    const float most = greatest();
    if (!is_listed_) {
        return row_.total_weight(scale);
    }
    double total = 0;
    for (const auto & candidate : list_) {
        total += weight((most - candidate.logit) * scale);
    }
    return total;
}

double Candidates::entropy() {
    return entropy(total_weight());
}

double Candidates::entropy(double total) {
    const float scale = 1 / temperature_;
    double weighed = 0;
    if (!is_listed_) {
        weighed = row_.weighed_distance(scale);
    } else {
        const float most = greatest();
        for (const auto & candidate : list_) {
            const float distance = limited((most - candidate.logit) * scale);
            weighed += static_cast<double>(weight(distance)) * distance;
        }
    }
    return std::log(total) + weighed / total;
}

void Candidates::keep(float least) {
    if (!is_listed_) {
        row_.gather(least, list_);
        is_listed_ = true;
        return;
    }
    erase_if(list_, [least](const Candidate & candidate) { return candidate.logit < least; });
}

float Candidates::kth_greatest(int32_t k) {
    read();
    if (!is_listed_) {
        return row_.kth_greatest(std::min(k, size_));
    }
    std::vector<Candidate> ranked = list_;
    const auto kth = ranked.begin() + (std::min(static_cast<size_t>(k), ranked.size()) - 1);
    std::nth_element(ranked.begin(), kth, ranked.end(), [](const auto & a, const auto & b) { return is_less(b, a); });
    return kth->logit;
}

void Candidates::keep_likeliest(int32_t count) {
    if (static_cast<size_t>(count) < this->count()) {
        n_more_ = std::max<std::ptrdiff_t>(0, count - listed());
        keep(kth_greatest(count));
    }
}

void Candidates::keep_mass(float share, int32_t min_keep) {
    const float scale = 1 / temperature_;
    const float most = greatest();
    const float floor = min_keep > 1 ? kth_greatest(min_keep) : most;
    const double total = total_weight();
    n_more_ = 0;
    if (!is_listed_) {
        // Tokens so light that all of the vocabulary would not weigh enough.
        const double light = (1 - share) * total / size_ * margin;
        keep(std::min(floor, most + static_cast<float>(std::log(light)) * temperature_));
    }
    const Nucleus nucleus = find_nucleus(list_, most, scale, total * share);
    if (floor < nucleus.least) {
        keep(floor);
        return;
    }
    keep(nucleus.least);
    if (min_keep > 1) {
        return;
    }
    size_t with_least = 0;
    erase_if(list_, [&](const Candidate & candidate) {
        return candidate.logit == nucleus.least && ++with_least > nucleus.with_least;
    });
}

void Candidates::keep_relative(float to_likeliest, int32_t min_keep) {
    const float floor = min_keep > 1 ? kth_greatest(min_keep) : INFINITY;
    const float least = greatest() + std::log(to_likeliest) * temperature_;
    n_more_ = 0;
    keep(std::min(floor, least));
}

void Candidates::keep_typical(float share, int32_t min_keep) {
    const float scale = 1 / temperature_;
    const float most = greatest();
    const double total = total_weight();
    const TypicalDistance distance{most, scale, static_cast<float>(std::log(total) - entropy(total))};
    n_more_ = 0;
    if (!is_listed_ && min_keep <= 1) {
        // All tokens as light as that together are less than what may be missing. Those that are heavier decide, unless the
        // limit is so far that lighter ones are nearer.
        const double light = (1 - share) * total / size_ * margin;
        const float least = most + static_cast<float>(std::log(light)) * temperature_;
        row_.gather(least, list_);
        const float limit = list_.empty() ? INFINITY : typical_limit(list_, distance, total * share, min_keep);
        if (limit < distance.of(least)) {
            is_listed_ = true;
            erase_if(list_, [&](const Candidate & candidate) { return distance.of(candidate.logit) > limit; });
            return;
        }
    }
    keep(most - farthest * temperature_);
    const float limit = typical_limit(list_, distance, total * share, min_keep);
    erase_if(list_, [&](const Candidate & candidate) { return distance.of(candidate.logit) > limit; });
}

void Candidates::keep_sigma(float deviations) {
    if (count() <= 1) {
        return;
    }
    const float most = greatest();
    const double deviation = is_listed_ ? deviation_of(list_) : row_.deviation();
    const std::ptrdiff_t before = listed() + n_more_;
    keep(most - deviations * static_cast<float>(deviation));
    n_more_ = before - listed();
}

void Candidates::keep_surprise(float bits) {
    const double nats = static_cast<double>(bits) * std::log(2.0) - std::log(total_weight());
    keep(greatest() - static_cast<float>(std::max(0.0, nats)) * temperature_);
}

void Candidates::leave_out_top(float threshold, int32_t min_keep) {
    const double least_weight = threshold * total_weight();
    const float least = greatest() + static_cast<float>(std::log(least_weight)) * temperature_;
    std::vector<Candidate> top;
    if (is_listed_) {
        std::copy_if(list_.begin(), list_.end(), std::back_inserter(top),
                     [least](const Candidate & candidate) { return candidate.logit >= least; });
    } else {
        row_.gather(least, top);
    }
    if (top.size() < 2 || count() - top.size() + 1 < static_cast<size_t>(std::max(1, min_keep))) {
        return;
    }
    const llama_token kept = std::min_element(top.begin(), top.end(), is_less)->token;
    if (!is_listed_) {
        for (const auto & candidate : top) {
            if (candidate.token != kept) {
                set(candidate.token, -INFINITY);
            }
        }
        n_more_ -= static_cast<std::ptrdiff_t>(top.size()) - 1;
        return;
    }
    erase_if(list_, [&](const Candidate & candidate) { return candidate.logit >= least && candidate.token != kept; });
}

void Candidates::keep_first() {
    const llama_token token = likeliest();
    list_ = {{token, greatest()}};
    is_listed_ = true;
    n_more_ = 0;
}

std::vector<Candidate> & Candidates::list() {
    read();
    if (!is_listed_) {
        keep(-INFINITY);
    }
    return list_;
}

std::vector<float> Candidates::probabilities() {
    std::vector<float> probabilities;
    const float scale = 1 / temperature_;
    const float most = greatest();
    double total = 0;
    for (const auto & candidate : list()) {
        probabilities.push_back(weight((most - candidate.logit) * scale));
        total += probabilities.back();
    }
    for (float & probability : probabilities) {
        probability = static_cast<float>(probability / total);
    }
    return probabilities;
}

std::vector<float> Candidates::least_information(size_t most) {
    const double log_total = std::log(total_weight());
    const float greatest = this->greatest();
    const float least = kth_greatest(static_cast<int32_t>(std::min(most, count())));
    std::vector<Candidate> likeliest;
    if (is_listed_) {
        std::copy_if(list_.begin(), list_.end(), std::back_inserter(likeliest),
                     [least](const Candidate & candidate) { return candidate.logit >= least; });
    } else {
        row_.gather(least, likeliest);
    }
    std::vector<float> information;
    for (const auto & candidate : likeliest) {
        if (candidate.logit > -INFINITY) {
            information.push_back(static_cast<float>((greatest - candidate.logit) / temperature_ + log_total));
        }
    }
    std::sort(information.begin(), information.end());
    information.resize(std::min(information.size(), most));
    return information;
}

llama_token Candidates::likeliest() {
    const float most = greatest();
    if (!is_listed_) {
        return row_.likeliest();
    }
    return std::find_if(list_.begin(), list_.end(), [most](const Candidate & candidate) { return candidate.logit == most; })
        ->token;
}

llama_token Candidates::at_fraction(double fraction) {
    read();
    const float scale = 1 / temperature_;
    if (!is_listed_) {
        return row_.at_fraction(fraction, scale);
    }
    const float most = greatest();
    weights_.clear();
    double total = 0;
    for (const auto & candidate : list_) {
        weights_.push_back(weight((most - candidate.logit) * scale));
        total += weights_.back();
    }
    const double target = total * fraction;
    double sum = 0;
    llama_token last = list_.front().token;
    for (size_t i = 0; i < list_.size(); i++) {
        sum += weights_[i];
        if (weights_[i] > 0) {
            last = list_[i].token;
        }
        if (sum > target) {
            break;
        }
    }
    return last;
}

}  // namespace vserve
