#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "batch.h"
#include "llama.h"
#include "step-threads.h"

namespace vserve {

// Computes an image's KV cells without stalling the other sequences. Image tokens with bidirectional attention must be
// decoded in one batch, which takes seconds on a CPU, and a context cannot run two batches at once. So the image gets a
// second context: it copies the preceding cells, decodes, and copies the new cells back. Between groups of its graph nodes
// the others decode in their own context.
class ImagePrefill {
  public:
    enum class Result {
        done,
        stopped,     // keep_going returned false
        impossible,  // nothing was changed: no memory for the second context, or the prefix is too long
    };

    // The sequence id for the rows to decode.
    static constexpr llama_seq_id whole = 0;

    // `like`: the parameters of the main context. Allocates nothing before the first image.
    ImagePrefill(llama_model * model, const llama_context_params & like, StepThreads & threads);

    // Decodes `rows` at positions `begin` to `end`, after the content of `slot` in `context`, and adds their cells to that
    // slot. `scratch` is an unused sequence of `context`. `keep_going` is called between groups of nodes.
    Result run(llama_context * context, llama_seq_id slot, llama_seq_id scratch, const llama_batch & rows, llama_pos begin,
               llama_pos end, const std::function<bool()> & keep_going);

  private:
    static bool on_node(ggml_tensor * node, bool ask, void * self);
    bool allocate();
    bool copy(llama_context * from, llama_seq_id from_id, llama_context * to, llama_seq_id to_id);

    llama_model * model_;
    llama_context_params params_;
    StepThreads & threads_;
    std::unique_ptr<llama_context, decltype(&llama_free)> context_{nullptr, llama_free};
    bool no_memory_ = false;
    std::vector<uint8_t> cells_;
    const std::function<bool()> * keep_going_ = nullptr;
    int nodes_seen_ = 0;
    bool stopped_ = false;
};

}  // namespace vserve
