#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "client-turns.h"

namespace vserve {

// The inputs that wait to be embedded. The next is one of the client for which the fewest tokens were computed; those of a
// client keep their order. Not thread-safe.
class EmbedQueue {
  public:
    struct Input {
        uint64_t id;
        Client client;
        int32_t n_tokens;
        bool goes_together;  // it may be computed in one batch with others
    };

    void add(Input input);
    bool empty() const { return waiting_.empty(); }
    // Takes the inputs of the next batch of at most so many tokens, and returns their ids: one at least, unless none waits.
    std::vector<uint64_t> take(size_t most_inputs, int32_t most_tokens);
    // Takes all that are left.
    std::vector<uint64_t> take_all();

  private:
    std::vector<Input>::iterator next();

    std::vector<Input> waiting_;  // in order of arrival
    ClientTurns turns_;           // of those
};

}  // namespace vserve
