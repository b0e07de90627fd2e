#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "batch.h"
#include "llama.h"
#include "thread-pool.h"

namespace vserve {

// Computes an image's KV cells without holding the other sequences up. Image tokens that attend to one another must be
// decoded in one piece, which takes a CPU seconds, and no context can decode twice at once. So the image gets a context
// of its own: it takes over what stands before the image, decodes, and gives the cells back; between groups of its
// graph's nodes the others decode in theirs.
class ImagePrefill {
  public:
    enum class Result {
        done,
        stopped,     // keep_going said so
        impossible,  // nothing was changed: there is no memory for the second context, or what stands before is too long
    };

    // The sequence that the rows to decode belong to.
    static constexpr llama_seq_id whole = 0;

    // `like` are the parameters of the context that the sequences are in. Nothing is allocated before the first image.
    ImagePrefill(llama_model * model, const llama_context_params & like, const ThreadPool & threads);

    // Decodes `rows`, which attend to one another and take the positions from `begin` to `end`, behind what `slot` of
    // `context` holds, and adds their cells to that slot. `scratch` is a sequence of `context` that nobody uses.
    // `keep_going` is called between groups.
    Result run(llama_context * context, llama_seq_id slot, llama_seq_id scratch, const llama_batch & rows, llama_pos begin,
               llama_pos end, const std::function<bool()> & keep_going);

  private:
    static bool on_node(ggml_tensor * node, bool ask, void * self);
    bool allocate();
    bool copy(llama_context * from, llama_seq_id from_id, llama_context * to, llama_seq_id to_id);

    llama_model * model_;
    llama_context_params params_;
    const ThreadPool & threads_;
    std::unique_ptr<llama_context, decltype(&llama_free)> context_{nullptr, llama_free};
    bool no_memory_ = false;
    std::vector<uint8_t> cells_;
    const std::function<bool()> * keep_going_ = nullptr;
    int nodes_seen_ = 0;
    bool stopped_ = false;
};

}  // namespace vserve
