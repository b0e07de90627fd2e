// Encodes pretended pictures with EncoderPace: arguments `cpu` or `gpu`, then pairs of a number of nodes and what each of
// them takes in ms. Prints, for each picture, the number of interruptions and the longest time between two, in ms.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "encoder-pace.h"

int main(int argc, char ** argv) {
    vserve::EncoderPace pace(std::string(argv[1]) == "gpu");
    for (int i = 2; i + 1 < argc; i += 2) {
        const int n_nodes = std::atoi(argv[i]);
        const double node_ms = std::atof(argv[i + 1]);
        int interruptions = 0;
        double longest_ms = 0;
        pace.begin();
        for (int left = n_nodes; left > 0; interruptions++) {
            const int group = std::min(left, pace.nodes());
            longest_ms = std::max(longest_ms, group * node_ms);
            pace.computed(group * node_ms);
            left -= group;
        }
        std::printf("%d %.1f\n", interruptions, longest_ms);
    }
}
