#include "client-turns.h"

#include <algorithm>

namespace vserve {

namespace {

// The groups of a client, the outermost first. The last has no name: it holds what belongs to no inner group, so that it is
// compared with the inner groups beside it.
std::vector<Client> paths_of(const Client & client) {
    std::vector<Client> paths;
    Client path;
    for (const auto & name : client) {
        path.push_back(name);
        paths.push_back(path);
    }
    path.emplace_back();
    paths.push_back(std::move(path));
    return paths;
}

}  // namespace

void ClientTurns::enter(const Client & client) {
    int64_t around = 0;  // of the group around
    for (const auto & path : paths_of(client)) {
        const int64_t start = least_served_beside(path).value_or(around);
        Group & group = groups_.try_emplace(path, Group{start, 0}).first->second;
        group.running++;
        around = group.served;
    }
}

void ClientTurns::leave(const Client & client) {
    for (const auto & path : paths_of(client)) {
        const auto group = groups_.find(path);
        if (group != groups_.end() && --group->second.running == 0) {
            groups_.erase(group);
        }
    }
}

void ClientTurns::charge(const Client & client, int64_t tokens) {
    for (const auto & path : paths_of(client)) {
        const auto group = groups_.find(path);
        if (group != groups_.end()) {
            group->second.served += tokens;
        }
    }
}

std::vector<int64_t> ClientTurns::served(const Client & client) const {
    std::vector<int64_t> served;
    for (const auto & path : paths_of(client)) {
        const auto group = groups_.find(path);
        served.push_back(group == groups_.end() ? 0 : group->second.served);
    }
    for (const auto & [path, group] : groups_) {
        if (path.size() > served.size()) {
            served.resize(path.size(), served.back());
        }
    }
    return served;
}

std::vector<int32_t> ClientTurns::running(const Client & client) const {
    std::vector<int32_t> running;
    for (const auto & path : paths_of(client)) {
        const auto group = groups_.find(path);
        running.push_back(group == groups_.end() ? 0 : group->second.running);
    }
    return running;
}

std::optional<int64_t> ClientTurns::least_served_beside(const Client & path) const {
    std::optional<int64_t> least;
    for (const auto & [other, group] : groups_) {
        const bool beside = other.size() == path.size() && std::equal(path.begin(), path.end() - 1, other.begin());
        if (beside && (!least || group.served < *least)) {
            least = group.served;
        }
    }
    return least;
}

}  // namespace vserve
