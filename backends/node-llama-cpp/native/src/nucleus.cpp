#include "nucleus.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>

#include "weight.h"

namespace vserve {

namespace {

constexpr int64_t worth_sorting = 64;

// Halves the candidates around the end of the nucleus, without sorting the rest.
float least_in_nucleus(std::vector<float> logits, float greatest, float scale, double wanted) {
    auto first = logits.begin();
    auto last = logits.end();
    while (last - first > worth_sorting) {
        const auto middle = first + (last - first) / 2;
        std::nth_element(first, middle, last, std::greater<>());
        double upper = 0;
        std::for_each(first, middle, [&](float logit) { upper += weight((greatest - logit) * scale); });
        if (upper < wanted) {
            wanted -= upper;
            first = middle;
        } else {
            last = middle;
        }
    }
    std::sort(first, last, std::greater<>());
    while (first + 1 != last) {
        wanted -= weight((greatest - *first) * scale);
        if (wanted <= 0) {
            break;
        }
        first++;
    }
    return *first;
}

}  // namespace

Nucleus find_nucleus(const std::vector<Candidate> & candidates, float greatest, float scale, double wanted) {
    std::vector<float> logits;
    logits.reserve(candidates.size());
    for (const auto & candidate : candidates) {
        logits.push_back(candidate.logit);
    }
    const float least = least_in_nucleus(std::move(logits), greatest, scale, wanted);
    double above = 0;
    for (const auto & candidate : candidates) {
        above += candidate.logit > least ? weight((greatest - candidate.logit) * scale) : 0.0f;
    }
    const double of_one = weight((greatest - least) * scale);
    const double needed = of_one > 0 ? std::ceil((wanted - above) / of_one) : static_cast<double>(candidates.size());
    return {least, static_cast<size_t>(std::max(1.0, needed))};
}

}  // namespace vserve
