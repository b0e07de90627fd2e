#include "vision.h"

#include "error.h"

namespace vserve {

namespace {

// How many graph nodes run between two looks at the rest of the work. On a CPU a group of ten takes tens of
// milliseconds for a large encoder, and looking costs nothing that can be measured; on a GPU each look drains the queue.
constexpr int cpu_nodes_per_group = 10;
constexpr int gpu_nodes_per_group = 64;

}  // namespace

Vision::Vision(const llama_model * model, Options options)
    : row_width_(llama_model_n_embd_inp(model)),
      nodes_per_group_(options.use_gpu ? gpu_nodes_per_group : cpu_nodes_per_group),
      on_progress_(std::move(options.on_progress)) {
    if (!options.use_gpu && options.encoding != Encoding::original) {
        matmul_ = EncoderMatmul::create(options.n_threads);
    }
    if (!matmul_ && options.encoding == Encoding::f32) {
        throw EngineError("invalid_setting", "--mmproj-encoding f32 needs an x86 CPU with AVX2, and the encoder on the CPU "
                                             "(--devices cpu). Take auto instead.");
    }
    // mtmd logs where llama.cpp logs: node-llama-cpp hands it to JavaScript.
    ggml_log_callback log = nullptr;
    void * log_data = nullptr;
    llama_log_get(&log, &log_data);
    mtmd_log_set(log, log_data);

    mtmd_context_params params = mtmd_context_params_default();
    params.use_gpu = options.use_gpu;
    params.n_threads = options.n_threads;
    params.print_timings = false;
    params.cb_eval = on_node;
    params.cb_eval_user_data = this;
    params.progress_callback = [](float progress, void * self) {
        static_cast<Vision *>(self)->on_progress_(progress);
        return true;
    };
    params.progress_callback_user_data = this;
    context_.reset(mtmd_init_from_file(options.mmproj_path.c_str(), model, params));
    if (!context_) {
        throw EngineError("model_load_failed", "The vision projector " + options.mmproj_path +
                                                   " could not be loaded: it may be damaged, or made for another model.");
    }
    if (!mtmd_support_vision(context_.get())) {
        throw EngineError("model_load_failed", options.mmproj_path + " holds no vision encoder.");
    }
}

Vision::~Vision() = default;

std::vector<float> Vision::encode(const mtmd_input_chunk * chunk, const std::function<bool()> & keep_going) {
    keep_going_ = &keep_going;
    nodes_seen_ = 0;
    ended_early_ = false;
    const int32_t status = mtmd_encode_chunk(context_.get(), chunk);
    keep_going_ = nullptr;
    if (ended_early_) {
        return {};
    }
    if (status != 0) {
        throw EngineError("generation_failed", "The vision encoder failed on an image: there may be too little memory.");
    }
    const float * rows = mtmd_get_output_embd(context_.get());
    return std::vector<float>(rows, rows + mtmd_input_chunk_get_n_tokens(chunk) * row_width_);
}

// ggml asks before each node whether we want to look after it, and then lets us look; false ends the graph. It asks before
// it computes the node, which is when the node can still become another operation.
bool Vision::on_node(ggml_tensor * node, bool ask, void * self) {
    auto & vision = *static_cast<Vision *>(self);
    if (ask) {
        if (vision.matmul_) {
            vision.matmul_->take_over(node);
        }
        return ++vision.nodes_seen_ % vision.nodes_per_group_ == 0;
    }
    if (vision.keep_going_ != nullptr && !vision.ended_early_ && !(*vision.keep_going_)()) {
        vision.ended_early_ = true;
    }
    return !vision.ended_early_;
}

}  // namespace vserve
