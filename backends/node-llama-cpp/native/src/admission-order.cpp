#include "admission-order.h"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace vserve {

namespace {

constexpr int32_t most_passes = 8;

bool lets_nobody_pass(const WaitingRequest & request) {
    return request.begun || request.passed_over >= most_passes;
}

}  // namespace

std::vector<size_t> admission_order(const std::vector<WaitingRequest> & queue) {
    std::vector<size_t> order(queue.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&queue](size_t a, size_t b) {
        const auto key = [](const WaitingRequest & request) {
            const int rank = request.begun ? 0 : lets_nobody_pass(request) ? 1 : 2;
            return std::make_tuple(rank, rank == 2 ? request.running : std::vector<int32_t>{},
                                   rank == 2 ? request.served : std::vector<int64_t>{});
        };
        return key(queue[a]) < key(queue[b]);
    });
    const auto last = std::find_if(order.begin(), order.end(), [&queue](size_t i) { return lets_nobody_pass(queue[i]); });
    if (last != order.end()) {
        order.erase(last + 1, order.end());
    }
    return order;
}

}  // namespace vserve
