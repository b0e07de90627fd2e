#include "typical.h"

#include <algorithm>

namespace vserve {

namespace {

constexpr int64_t worth_sorting = 64;

struct Weighed {
    float distance;
    float weight;
};

bool is_nearer(const Weighed & a, const Weighed & b) {
    return a.distance < b.distance;
}

}  // namespace

// Halves the candidates around the limit, without sorting the rest.
float typical_limit(const std::vector<Candidate> & candidates, const TypicalDistance & distance, double wanted,
                    int32_t min_keep) {
    std::vector<Weighed> all;
    all.reserve(candidates.size());
    for (const auto & candidate : candidates) {
        all.push_back({distance.of(candidate.logit), weight((distance.greatest - candidate.logit) * distance.scale)});
    }
    auto first = all.begin();
    auto last = all.end();
    int64_t missing = std::min(static_cast<int64_t>(all.size()), static_cast<int64_t>(std::max(1, min_keep)));
    while (last - first > worth_sorting) {
        const auto middle = first + (last - first) / 2;
        std::nth_element(first, middle, last, is_nearer);
        double nearer = 0;
        std::for_each(first, middle, [&](const Weighed & token) { nearer += token.weight; });
        if (nearer < wanted || middle - first < missing) {
            wanted -= nearer;
            missing -= middle - first;
            first = middle;
        } else {
            last = middle;
        }
    }
    std::sort(first, last, is_nearer);
    for (; first + 1 != last; first++) {
        wanted -= first->weight;
        missing--;
        if (wanted <= 0 && missing <= 0) {
            break;
        }
    }
    return first->distance;
}

}  // namespace vserve
