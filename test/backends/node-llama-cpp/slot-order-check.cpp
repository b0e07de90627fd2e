// Prints which slots side_by_side() exchanges, and the tokens that takes: slot-order-check SLOT..., each a number of tokens,
// with a + in front if the slot is wanted.

#include <cstdio>
#include <cstdlib>
#include <string>

#include "slot-order.h"

int main(int count, char ** arguments) {
    std::vector<vserve::SlotLoad> slots;
    for (int i = 1; i < count; i++) {
        const std::string argument = arguments[i];
        slots.push_back({argument[0] == '+', std::atoi(argument.c_str())});
    }
    const auto order = vserve::side_by_side(slots);
    for (const auto & [a, b] : order.exchanges) {
        std::printf("%d-%d ", a, b);
    }
    std::printf("%lld of %d\n", static_cast<long long>(order.tokens), vserve::wanted_runs(slots));
}
