#include "image-prefill.h"

#include <algorithm>
#include <new>

namespace vserve {

namespace {

// Limit of the prefix and the image. In longer conversations the image is decoded in the main context.
constexpr uint32_t most_cells = 8192;
// Between two steps of the other sequences: tens of milliseconds for 256 tokens with a billion parameters.
constexpr int nodes_per_group = 10;
// The sequence of the image's own cells; `whole` includes the prefix.
constexpr llama_seq_id image = 1;

}  // namespace

ImagePrefill::ImagePrefill(llama_model * model, const llama_context_params & like, StepThreads & threads)
    : model_(model), params_(like), threads_(threads) {
    params_.n_ctx = std::min(like.n_ctx, most_cells);
    params_.n_seq_max = 2;
    params_.n_outputs_max = params_.n_seq_max;
    params_.cb_eval = on_node;
    params_.cb_eval_user_data = this;
    params_.abort_callback = nullptr;
}

bool ImagePrefill::allocate() {
    if (!context_ && !no_memory_) {
        context_.reset(llama_init_from_model(model_, params_));
        no_memory_ = context_ == nullptr;
        if (context_) {
            threads_.attach_for_images(context_.get());
        }
    }
    return context_ != nullptr;
}

ImagePrefill::Result ImagePrefill::run(llama_context * context, llama_seq_id slot, llama_seq_id scratch,
                                       const llama_batch & rows, llama_pos begin, llama_pos end,
                                       const std::function<bool()> & keep_going) {
    const auto held = static_cast<uint32_t>(llama_memory_seq_pos_max(llama_get_memory(context), slot) + 1);
    if (held + rows.n_tokens > params_.n_ctx || !allocate()) {
        return Result::impossible;
    }
    const llama_memory_t memory = llama_get_memory(context_.get());
    llama_memory_clear(memory, false);
    if (held > 0 && !copy(context, slot, context_.get(), whole)) {
        return Result::impossible;
    }
    keep_going_ = &keep_going;
    stopped_ = false;
    nodes_seen_ = 0;
    llama_set_causal_attn(context_.get(), false);
    const int32_t n_threads = threads_.for_images();
    llama_set_n_threads(context_.get(), n_threads, n_threads);
    const int status = llama_decode(context_.get(), rows);
    llama_synchronize(context_.get());
    keep_going_ = nullptr;
    if (stopped_) {
        return Result::stopped;
    }
    llama_memory_seq_cp(memory, whole, image, begin, end);
    if (status != 0 || !copy(context_.get(), image, context, scratch)) {
        return Result::impossible;
    }
    const llama_memory_t destination = llama_get_memory(context);
    llama_memory_seq_cp(destination, scratch, slot, begin, end);
    llama_memory_seq_rm(destination, scratch, -1, -1);
    return Result::done;
}

bool ImagePrefill::copy(llama_context * from, llama_seq_id from_id, llama_context * to, llama_seq_id to_id) {
    try {
        cells_.resize(llama_state_seq_get_size(from, from_id));
    } catch (const std::bad_alloc &) {
        return false;
    }
    const size_t written = llama_state_seq_get_data(from, cells_.data(), cells_.size(), from_id);
    return written > 0 && llama_state_seq_set_data(to, cells_.data(), written, to_id) > 0;
}

bool ImagePrefill::on_node(ggml_tensor *, bool ask, void * self) {
    auto & prefill = *static_cast<ImagePrefill *>(self);
    if (ask) {
        return ++prefill.nodes_seen_ % nodes_per_group == 0;
    }
    if (prefill.keep_going_ != nullptr && !prefill.stopped_ && !(*prefill.keep_going_)()) {
        prefill.stopped_ = true;
    }
    return !prefill.stopped_;
}

}  // namespace vserve
