#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace vserve {

// A request in the queue, for which there may not be room at the moment. Who waits is known by the place in the list alone.
struct WaitingRequest {
    std::vector<int32_t> running;  // requests of its client: ClientTurns
    std::vector<int64_t> served;   // likewise
    bool begun;                    // it was running and had to give way
    int32_t passed_over;           // how many requests were admitted instead of it, for lack of room
};

// The requests to try, in this order, by their places in the queue. First those that had begun, then the clients that run the
// fewest, then first come, first served. Where one does not fit, a smaller one behind it may: but not past a request that had
// begun or has been passed over often enough, where the list ends.
std::vector<size_t> admission_order(const std::vector<WaitingRequest> & queue);

}  // namespace vserve
