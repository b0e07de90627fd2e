#pragma once

#include <set>
#include <vector>

#include "ggml.h"

namespace vserve {

// What a dry run computes of a graph: all that can fail by what a file's header says, as little as possible of the rest.
// Both are a ggml_backend_sched_eval_callback: ggml asks before it computes a node, which can still become another then.

// Computes everything but products with weights and attention, which become zeros. For graphs of a token.
bool leave_out_products(ggml_tensor * node, bool ask, void * unused);

// Computes the first node of each operation with each set of parameters, and lookups of rows whose numbers are not computed
// themselves. For an encoder, whose
// graph is large even for a small picture.
class FirstOfEach {
  public:
    void look_at(ggml_tensor * node);

  private:
    std::set<std::vector<int32_t>> seen_;  // the operation, then its parameters
};

}  // namespace vserve
