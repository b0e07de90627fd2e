#pragma once

#include <cstdint>
#include <cstring>

namespace vserve {

// The weight of a token is its probability, divided by that of the likeliest: e to the power of minus its distance, which is
// how far its logit, divided by the temperature, lies below the greatest. Unlike std::exp, these can be vectorized.

// From here on a token weighs nothing: e to the power of that is below all floats.
constexpr float farthest = 88.2f;

inline float limited(float distance) {
    return distance < farthest ? distance : farthest;
}

// For distances from 0 to `farthest`, with a relative error below 1e-6. Compilers turn a limit in here into a branch, which
// they do not vectorize: loops apply it before, in a loop of its own.
inline float weight_of_limited(float distance) {
    constexpr float log2_e = 1.44269504f;
    constexpr float ln2_high = 0.693359375f;  // few bits: multiples of it are exact
    constexpr float ln2_low = -2.12194440e-4f;
    constexpr float round_to_integer = 12582912.0f;  // 1.5 * 2^23: leaves no bits behind the point

    const float shifted = round_to_integer - distance * log2_e;
    const float exponent = shifted - round_to_integer;
    const float rest = (-distance - exponent * ln2_high) - exponent * ln2_low;
    // Taylor's polynomial: |rest| is at most ln 2 / 2.
    float power = 1.0f / 5040;
    power = power * rest + 1.0f / 720;
    power = power * rest + 1.0f / 120;
    power = power * rest + 1.0f / 24;
    power = power * rest + 1.0f / 6;
    power = power * rest + 0.5f;
    power = power * rest + 1.0f;
    power = power * rest + 1.0f;
    // Times 2^exponent, which the last bits of `shifted` hold. Where that is below all floats, the sum is negative.
    uint32_t exponent_bits;
    uint32_t power_bits;
    std::memcpy(&exponent_bits, &shifted, sizeof(exponent_bits));
    std::memcpy(&power_bits, &power, sizeof(power_bits));
    const auto sum = static_cast<int32_t>(power_bits + (exponent_bits << 23));
    const int32_t bits = sum > 0 ? sum : 0;
    float weight;
    std::memcpy(&weight, &bits, sizeof(weight));
    return weight;
}

inline float weight(float distance) {
    return weight_of_limited(limited(distance));
}

}  // namespace vserve
