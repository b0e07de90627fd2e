#include "logits-row.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "weight.h"

namespace vserve {

namespace {

constexpr int32_t block_size = 64;
constexpr float none = -std::numeric_limits<float>::infinity();

float greater(float a, float b) {
    return a > b ? a : b;
}

// Joins what is a quarter apart.
template <int32_t quarter, typename Join>
void join_quarters(const float * from, float * joined, Join join) {
    for (int32_t i = 0; i < quarter; i++) {
        joined[i] = join(join(from[i], from[i + quarter]), join(from[i + 2 * quarter], from[i + 3 * quarter]));
    }
}

// The sum or maximum of a block. Compilers do not reorder the terms of either, with floats: in this order, they can vectorize
// it.
template <typename Join>
float joined_block(const float * block, Join join) {
    float quarter[block_size / 4];
    float sixteenth[block_size / 16];
    float whole = 0;
    join_quarters<block_size / 4>(block, quarter, join);
    join_quarters<block_size / 16>(quarter, sixteenth, join);
    join_quarters<block_size / 64>(sixteenth, &whole, join);
    return whole;
}

float sum_of_block(const float * terms) {
    return joined_block(terms, std::plus<float>());
}

// Infinity if one is infinite or not a number.
float greatest_of_each(const float * logits, int32_t count) {
    float greatest = none;
    for (int32_t i = 0; i < count; i++) {
        greatest = std::max(greatest, std::isnan(logits[i]) ? INFINITY : logits[i]);
    }
    return greatest;
}

// The same of a whole block.
float greatest_of_block(const float * logits) {
    const bool may_have_no_number = !std::isfinite(sum_of_block(logits));  // or too great a sum
    return may_have_no_number ? greatest_of_each(logits, block_size) : joined_block(logits, greater);
}

}  // namespace

NoNumbers::NoNumbers()
    : EngineError("generation_failed",
                  "The model computes no numbers: its logits are infinite or not a number. Its files may be damaged (check "
                  "them with `vserve verify`), or its values overflow: try --flash-attn off, --kv-cache-format f32 or another "
                  "--quantization-encoding.") {}

int32_t LogitsRow::end_of(int32_t block) const {
    return std::min((block + 1) * block_size, count_);
}

void LogitsRow::read(const float * logits, int32_t count) {
    logits_ = logits;
    count_ = count;
    greatest_of_block_.resize((count + block_size - 1) / block_size);
    for (int32_t block = 0; block < blocks(); block++) {
        const int32_t first = block * block_size;
        greatest_of_block_[block] = end_of(block) - first == block_size
                                        ? greatest_of_block(logits + first)
                                        : greatest_of_each(logits + first, count - first);
    }
    greatest_ = *std::max_element(greatest_of_block_.begin(), greatest_of_block_.end());
    if (!std::isfinite(greatest_)) {
        throw NoNumbers();
    }
}

llama_token LogitsRow::likeliest() const {
    const auto block = std::find(greatest_of_block_.begin(), greatest_of_block_.end(), greatest_);
    const float * first = logits_ + (block - greatest_of_block_.begin()) * block_size;
    return static_cast<llama_token>(std::find(first, logits_ + count_, greatest_) - logits_);
}

std::vector<Candidate> LogitsRow::likeliest(int32_t count) const {
    std::vector<Candidate> tokens;
    if (count <= 0) {
        return tokens;
    }
    gather(kth_greatest(std::min(count, count_)), tokens);
    std::stable_sort(tokens.begin(), tokens.end(), [](const auto & a, const auto & b) { return a.logit > b.logit; });
    tokens.resize(std::min(tokens.size(), static_cast<size_t>(count)));
    return tokens;
}

float LogitsRow::kth_greatest(int32_t k) const {
    // The k-th greatest of the blocks' greatest is a lower bound.
    float bound = none;
    if (k <= blocks()) {
        std::vector<float> greatest = greatest_of_block_;
        std::nth_element(greatest.begin(), greatest.begin() + (k - 1), greatest.end(), std::greater<>());
        bound = greatest[k - 1];
    }
    std::vector<float> logits;
    for (int32_t block = 0; block < blocks(); block++) {
        if (greatest_of_block_[block] >= bound) {
            std::copy_if(logits_ + block * block_size, logits_ + end_of(block), std::back_inserter(logits),
                         [bound](float logit) { return logit >= bound; });
        }
    }
    std::nth_element(logits.begin(), logits.begin() + (k - 1), logits.end(), std::greater<>());
    return logits[k - 1];
}

void LogitsRow::gather(float least, std::vector<Candidate> & candidates) const {
    candidates.clear();
    for (int32_t block = 0; block < blocks(); block++) {
        if (!(greatest_of_block_[block] >= least)) {
            continue;
        }
        for (llama_token token = block * block_size; token < end_of(block); token++) {
            if (logits_[token] >= least) {
                candidates.push_back({token, logits_[token]});
            }
        }
    }
}

float LogitsRow::weight_of_block(int32_t block, float scale) const {
    const int32_t first = block * block_size;
    float weights[block_size];
    std::fill(weights, weights + block_size, farthest);
    const int32_t count = end_of(block) - first;
    for (int32_t i = 0; i < count; i++) {
        weights[i] = limited((greatest_ - logits_[first + i]) * scale);
    }
    for (float & distance : weights) {
        distance = weight_of_limited(distance);
    }
    return sum_of_block(weights);
}

double LogitsRow::total_weight(float scale) {
    weight_of_block_.resize(greatest_of_block_.size());
    double total = 0;
    for (int32_t block = 0; block < blocks(); block++) {
        const bool counts = weight((greatest_ - greatest_of_block_[block]) * scale) > 0;
        weight_of_block_[block] = counts ? weight_of_block(block, scale) : 0.0f;
        total += weight_of_block_[block];
    }
    return total;
}

double LogitsRow::weighed_distance(float scale) const {
    double total = 0;
    for (int32_t block = 0; block < blocks(); block++) {
        if (weight((greatest_ - greatest_of_block_[block]) * scale) == 0) {
            continue;
        }
        const int32_t first = block * block_size;
        const int32_t count = end_of(block) - first;
        float terms[block_size];
        std::fill(terms, terms + block_size, farthest);
        for (int32_t i = 0; i < count; i++) {
            terms[i] = limited((greatest_ - logits_[first + i]) * scale);
        }
        for (float & distance : terms) {
            distance = weight_of_limited(distance) * distance;
        }
        total += sum_of_block(terms);
    }
    return total;
}

double LogitsRow::deviation() const {
    // Distances from the greatest: their squares lose fewer digits.
    double sum = 0;
    double squares = 0;
    int64_t counted = 0;
    for (int32_t i = 0; i < count_; i++) {
        if (logits_[i] > none) {
            const double distance = greatest_ - logits_[i];
            sum += distance;
            squares += distance * distance;
            counted++;
        }
    }
    const double mean = sum / static_cast<double>(counted);
    return std::sqrt(std::max(0.0, squares / static_cast<double>(counted) - mean * mean));
}

llama_token LogitsRow::at_fraction(double fraction, float scale) {
    const double target = total_weight(scale) * fraction;
    double sum = 0;
    int32_t block = 0;
    while (block + 1 < blocks() && sum + weight_of_block_[block] <= target) {
        sum += weight_of_block_[block++];
    }
    // Rounding may leave a little behind the last token of the block.
    llama_token last = likeliest();
    for (llama_token token = block * block_size; token < end_of(block); token++) {
        const float of_token = weight((greatest_ - logits_[token]) * scale);
        sum += of_token;
        if (of_token > 0) {
            last = token;
        }
        if (sum > target) {
            break;
        }
    }
    return last;
}

}  // namespace vserve
