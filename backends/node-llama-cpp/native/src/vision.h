#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "encoder-matmul.h"
#include "llama.h"
#include "mtmd.h"

namespace vserve {

// The vision encoder and projector. encode() runs on the engine thread only; the rest of mtmd is thread-safe.
class Vision {
  public:
    // How the encoder multiplies on a CPU: with ggml's kernels and in the types of the weights (original), in float32 with
    // our kernels (f32), or in float32 where we have kernels (automatic). On a GPU only ggml's are possible.
    enum class Encoding { automatic, original, f32 };

    struct Options {
        std::string mmproj_path;
        bool use_gpu;
        int n_threads;
        Encoding encoding;
        std::function<void(float)> on_progress;  // 0 to 1
    };

    // Throws EngineError model_load_failed; invalid_setting for an encoding that is not possible here.
    Vision(const llama_model * model, Options options);
    ~Vision();
    Vision(const Vision &) = delete;
    Vision & operator=(const Vision &) = delete;

    // Encodes an image chunk: n_tokens rows of the text model's input width. `keep_going` is called between groups of
    // the encoder's graph nodes, so that others can work meanwhile; when it returns false the encode ends early and the
    // result is empty. Throws EngineError generation_failed.
    std::vector<float> encode(const mtmd_input_chunk * chunk, const std::function<bool()> & keep_going);

    const mtmd_context * context() const { return context_.get(); }

    // The name of our kernels where the encoder uses them, or null.
    const char * kernel_name() const { return matmul_ ? matmul_->kernel_name() : nullptr; }

    // The part of the encoder that runs on the CPU.
    ggml_backend_t cpu_backend() const { return mtmd_get_cpu_backend(context_.get()); }

  private:
    static bool on_node(ggml_tensor * node, bool ask, void * self);

    std::unique_ptr<EncoderMatmul> matmul_;
    mtmd::context_ptr context_;
    size_t row_width_;
    int nodes_per_group_;
    int nodes_seen_ = 0;
    bool ended_early_ = false;
    const std::function<bool()> * keep_going_ = nullptr;
    std::function<void(float)> on_progress_;
};

}  // namespace vserve
