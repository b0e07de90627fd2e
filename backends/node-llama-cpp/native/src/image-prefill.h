#pragma once

#include <functional>
#include <memory>

#include "batch.h"
#include "cell-copy.h"
#include "llama.h"
#include "step-threads.h"

namespace vserve {

// Computes an image's KV cells without stalling the other sequences. Image tokens with bidirectional attention must be
// decoded in one batch, which takes seconds on a CPU, and a context cannot run two batches at once. So the image gets a
// second context: it copies the preceding cells, decodes, and copies all back. Between groups of its graph nodes the others
// decode in their own context.
class ImagePrefill {
  public:
    enum class Result {
        done,
        stopped,     // keep_going returned false
        impossible,  // nothing was changed: no memory for the second context, or the prefix is too long
        lost,        // the slot is empty: its cells could not be put back
    };

    // The sequence id for the rows to decode.
    static constexpr llama_seq_id whole = 0;

    // `like`: the parameters of the main context. Allocates nothing before the first image.
    ImagePrefill(llama_model * model, const llama_context_params & like, StepThreads & threads);

    // Decodes `rows` with an adapter, or none, after the content of `slot` in `context`, and adds their cells to that slot.
    // `keep_going` is called between groups of nodes; `slot` may become another meanwhile, with the same content.
    Result run(llama_context * context, const llama_seq_id & slot, const llama_batch & rows, llama_adapter_lora * adapter,
               const std::function<bool()> & keep_going);
    // Must be called before an adapter is freed.
    void drop_adapter() { use(nullptr); }

  private:
    static bool on_node(ggml_tensor * node, bool ask, void * self);
    bool allocate();
    void use(llama_adapter_lora * adapter);
    bool copy_prefix(llama_context * context, llama_seq_id slot);
    Result copy_back(llama_context * context, llama_seq_id slot);

    llama_model * model_;
    llama_context_params params_;
    uint32_t streams_;  // of the main context
    StepThreads & threads_;
    std::unique_ptr<llama_context, decltype(&llama_free)> context_{nullptr, llama_free};
    bool unusable_ = false;
    const std::function<bool()> * keep_going_ = nullptr;
    int nodes_seen_ = 0;
    bool stopped_ = false;
};

}  // namespace vserve
