#include "image-prefill.h"

#include <algorithm>

namespace vserve {

namespace {

// Limit of the prefix and the image. In longer conversations the image is decoded in the main context.
constexpr uint32_t most_cells = 8192;
// Between two steps of the other sequences: tens of milliseconds for 256 tokens with a billion parameters.
constexpr int nodes_per_group = 10;

uint32_t cells_of_one(const llama_context_params & params) {
    return params.kv_unified ? params.n_ctx : params.n_ctx / params.n_seq_max;
}

// The bytes of a copy that belong to layers with a sliding window, where those have a cache of their own.
size_t partial_bytes(llama_context * context, llama_seq_id slot) {
    return llama_state_seq_get_size_ext(context, slot, LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY);
}

}  // namespace

ImagePrefill::ImagePrefill(llama_model * model, const llama_context_params & like, StepThreads & threads)
    : model_(model), params_(like), streams_(like.kv_unified ? 1 : like.n_seq_max), threads_(threads) {
    params_.n_ctx = std::min(cells_of_one(like), most_cells);
    params_.n_seq_max = 1;
    params_.n_outputs_max = 1;
    params_.cb_eval = on_node;
    params_.cb_eval_user_data = this;
    params_.abort_callback = nullptr;
}

bool ImagePrefill::allocate() {
    if (!context_ && !unusable_) {
        context_.reset(llama_init_from_model(model_, params_));
        unusable_ = context_ == nullptr;
        if (context_) {
            threads_.attach_for_images(context_.get());
        }
    }
    return context_ != nullptr && !unusable_;
}

void ImagePrefill::use(llama_adapter_lora * adapter) {
    if (context_) {
        float scale = 1;
        llama_set_adapters_lora(context_.get(), &adapter, adapter == nullptr ? 0 : 1, &scale);
    }
}

ImagePrefill::Result ImagePrefill::run(llama_context * context, const llama_seq_id & slot, const llama_batch & rows,
                                       llama_adapter_lora * adapter, const std::function<bool()> & keep_going) {
    const auto held = static_cast<uint32_t>(llama_memory_seq_pos_max(llama_get_memory(context), slot) + 1);
    if (held + rows.n_tokens > params_.n_ctx || !allocate()) {
        return Result::impossible;
    }
    llama_memory_clear(llama_get_memory(context_.get()), false);
    if (held > 0 && !copy_prefix(context, slot)) {
        return Result::impossible;
    }
    use(adapter);
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
    return status == 0 ? copy_back(context, slot) : Result::impossible;
}

bool ImagePrefill::copy_prefix(llama_context * context, llama_seq_id slot) {
    const CellCopy prefix = CellCopy::of(context, slot);
    const CellCopy copy = prefix.between_streams(streams_, streams_ == 1 ? 0 : slot, 1, partial_bytes(context, slot));
    return !copy.empty() && copy.put(context_.get(), whole);
}

ImagePrefill::Result ImagePrefill::copy_back(llama_context * context, llama_seq_id slot) {
    const CellCopy all = CellCopy::of(context_.get(), whole);
    const CellCopy copy = all.between_streams(1, 0, streams_, partial_bytes(context_.get(), whole));
    if (copy.empty()) {
        return Result::impossible;
    }
    unusable_ = !copy.put(context, slot);
    return unusable_ ? Result::lost : Result::done;
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
