#pragma once

#include <memory>
#include <vector>

#include "ggml.h"
#include "matmul-kernel.h"

namespace vserve {

// Computes the encoder's matrix products on the CPU. ggml's own kernels for them reach a third of what AVX2 or AVX-512
// can do, and round the activations to the type of the weights; ours multiply in float32, whatever the weights' type.
class EncoderMatmul {
  public:
    // For the CPU that this is; null where ggml's kernels are used: on processors without AVX2, and where the compiler
    // is MSVC.
    static std::unique_ptr<EncoderMatmul> create(int n_threads);

    const char * kernel_name() const { return kernel_.name; }

    // Makes a product that is about to be computed ours. Other nodes are left alone, as are products of a few rows, which
    // are not worth the copying.
    void take_over(ggml_tensor * node);

  private:
    EncoderMatmul(const MatmulKernel & kernel, int n_threads);

    static void compute(ggml_tensor * node, int thread, int n_threads, void * self);

    const MatmulKernel & kernel_;
    int64_t scratch_stride_;
    std::vector<float> scratch_;  // of each thread
};

}  // namespace vserve
