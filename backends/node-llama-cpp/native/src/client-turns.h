#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace vserve {

// Who asks, as nested groups, outermost first: an address, then a key of that address. Empty: not known.
using Client = std::vector<std::string>;

// What each client of the running sequences has been given. Comparing lexicographically, outermost group first, makes turns
// that a client cannot multiply by inventing names within its own group.
class ClientTurns {
  public:
    // One more sequence of the client runs. A group that had none starts level with the least served of its neighbours: it
    // neither saves up turns while it is away, nor owes any. Without neighbours, level with the group around it: where outer
    // groups are level, the older sequence is due, not the newcomer.
    void enter(const Client & client);
    void leave(const Client & client);
    // Records prompt tokens computed for the client, or work that costs as much.
    void charge(const Client & client, int64_t tokens);

    // Of each of its groups, the smallest being due first; 0 for a group that does not run. As deep as the deepest client that
    // runs, so that a shorter path is no earlier for that.
    std::vector<int64_t> served(const Client & client) const;
    // Likewise, but as deep as the client's own groups.
    std::vector<int32_t> running(const Client & client) const;

  private:
    struct Group {
        int64_t served = 0;
        int32_t running = 0;
    };

    std::optional<int64_t> least_served_beside(const Client & path) const;

    std::map<Client, Group> groups_;  // by path
};

}  // namespace vserve
