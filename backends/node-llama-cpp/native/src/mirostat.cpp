#include "mirostat.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

namespace vserve {

namespace {

// As many of the likeliest tokens tell how the probabilities fall.
constexpr size_t observed = 100;

}  // namespace

void Mirostat::narrow(Candidates & candidates, int32_t n_tokens) const {
    if (version_ == 1) {
        candidates.keep_likeliest(likeliest_to_keep(candidates, n_tokens));
    } else {
        candidates.keep_surprise(most_);
    }
}

// Zipf's law: the i-th probability falls as a power of i. Its exponent tells how many tokens have the wanted surprise.
int32_t Mirostat::likeliest_to_keep(Candidates & candidates, int32_t n_tokens) const {
    const std::vector<float> information = candidates.least_information(observed);
    float products = 0;
    float squares = 0;
    for (size_t i = 0; i + 1 < information.size(); i++) {
        const float t = std::log(static_cast<float>(i + 2) / static_cast<float>(i + 1));
        products += t * (information[i + 1] - information[i]);
        squares += t * t;
    }
    const float exponent = products / squares;
    const float excess = exponent - 1;
    const float k = std::pow((excess * std::pow(2.0f, most_)) /
                                 (1 - std::pow(static_cast<float>(n_tokens), -excess)),
                             1 / exponent);
    return k >= 1 ? static_cast<int32_t>(std::min(k, static_cast<float>(n_tokens))) : 1;
}

void Mirostat::learn(float probability) {
    most_ -= eta_ * (-std::log2(probability) - tau_);
}

}  // namespace vserve
