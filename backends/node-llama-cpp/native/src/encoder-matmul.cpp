#include "encoder-matmul.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "cpu-backend.h"

namespace vserve {

namespace {

constexpr int64_t cache_line_floats = 16;
// Of x. Copying w costs as much as multiplying it by about six rows.
constexpr int64_t fewest_rows = 32;

// Whether the CPU backend that ggml chose for this processor uses an instruction set.
bool cpu_has(const char * feature) {
    const auto get_features = cpu_function<ggml_backend_get_features_t>("ggml_backend_get_features");
    const auto registry = ggml_backend_dev_backend_reg(ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU));
    for (const ggml_backend_feature * found = get_features(registry); found->name != nullptr; found++) {
        if (std::string(found->name) == feature) {
            return std::string(found->value) == "1";
        }
    }
    return false;
}

const MatmulKernel * kernel_for_this_cpu() {
#ifdef VSERVE_X86_KERNELS
    if (cpu_has("AVX2") && cpu_has("FMA") && cpu_has("F16C")) {
        return cpu_has("AVX512") ? &avx512_matmul : &avx2_matmul;
    }
#endif
    return nullptr;
}

Rows rows_of(const ggml_tensor & tensor, int64_t i2, int64_t i3) {
    const ggml_type_traits & traits = *ggml_get_type_traits(tensor.type);
    const Rows::Type type = tensor.type == GGML_TYPE_F32    ? Rows::Type::f32
                            : tensor.type == GGML_TYPE_F16  ? Rows::Type::f16
                            : tensor.type == GGML_TYPE_BF16 ? Rows::Type::bf16
                                                            : Rows::Type::other;
    const char * data = static_cast<const char *>(tensor.data) + i2 * tensor.nb[2] + i3 * tensor.nb[3];
    return {data,       static_cast<int64_t>(tensor.nb[1]), traits.blck_size, static_cast<int64_t>(traits.type_size), type,
            traits.to_float};
}

// Whether its numbers are in memory that we can read, row by row.
bool is_readable(const ggml_tensor & tensor) {
    const ggml_backend_buffer_t buffer = tensor.view_src == nullptr ? tensor.buffer : tensor.view_src->buffer;
    return (tensor.type == GGML_TYPE_F32 || ggml_get_type_traits(tensor.type)->to_float != nullptr) &&
           tensor.nb[0] == ggml_type_size(tensor.type) && buffer != nullptr && ggml_backend_buffer_is_host(buffer);
}

// The part of `n` rows, in whole tiles of `rows`, that is the i-th of `count`.
int64_t part_begin(int64_t n, int64_t rows, int i, int count) {
    const int64_t tiles = (n + rows - 1) / rows;
    return std::min(n, tiles * i / count * rows);
}

}  // namespace

std::unique_ptr<EncoderMatmul> EncoderMatmul::create(int n_threads) {
    const MatmulKernel * kernel = kernel_for_this_cpu();
    return std::unique_ptr<EncoderMatmul>(kernel == nullptr ? nullptr : new EncoderMatmul(*kernel, n_threads));
}

EncoderMatmul::EncoderMatmul(const MatmulKernel & kernel, int n_threads)
    : kernel_(kernel),
      scratch_stride_(GGML_PAD(kernel.scratch_floats, cache_line_floats)),
      scratch_(scratch_stride_ * n_threads + cache_line_floats) {}

void EncoderMatmul::take_over(ggml_tensor * node) {
    if (node->op != GGML_OP_MUL_MAT || node->type != GGML_TYPE_F32 || node->ne[1] < fewest_rows ||
        !is_readable(*node->src[0]) || !is_readable(*node->src[1]) || !is_readable(*node)) {
        return;
    }
    // How a node says what its operation is, is ggml's own affair: so the operation of a node that ggml made is copied.
    struct ggml_init_params params = {ggml_tensor_overhead(), nullptr, true};
    ggml_context * context = ggml_init(params);
    const ggml_tensor * custom =
        ggml_custom_4d(context, GGML_TYPE_F32, 1, 1, 1, 1, node->src, 2, compute, GGML_N_TASKS_MAX, this);
    node->op = custom->op;
    std::memcpy(node->op_params, custom->op_params, sizeof(node->op_params));
    ggml_free(context);
}

// ggml calls this on every thread of the pool.
void EncoderMatmul::compute(ggml_tensor * node, int thread, int n_threads, void * self) {
    auto & matmul = *static_cast<EncoderMatmul *>(self);
    const MatmulKernel & kernel = matmul.kernel_;
    const ggml_tensor & w = *node->src[0];
    const ggml_tensor & x = *node->src[1];
    // A grid of parts, one a thread, so that the threads together copy as few rows as they can.
    int w_parts = 1;
    for (int count = 2; count <= n_threads; count++) {
        const auto copied = [&](int parts) { return w.ne[1] / parts + x.ne[1] * parts / n_threads; };
        if (n_threads % count == 0 && copied(count) < copied(w_parts)) {
            w_parts = count;
        }
    }
    const int x_parts = n_threads / w_parts;
    auto address = reinterpret_cast<uintptr_t>(matmul.scratch_.data() + matmul.scratch_stride_ * thread);
    MatmulPart part;
    part.k = w.ne[0];
    part.w_begin = part_begin(w.ne[1], kernel.w_rows, thread % w_parts, w_parts);
    part.w_end = part_begin(w.ne[1], kernel.w_rows, thread % w_parts + 1, w_parts);
    part.x_begin = part_begin(x.ne[1], kernel.x_rows, thread / w_parts, x_parts);
    part.x_end = part_begin(x.ne[1], kernel.x_rows, thread / w_parts + 1, x_parts);
    part.out_stride = node->nb[1] / sizeof(float);
    part.scratch = reinterpret_cast<float *>(GGML_PAD(address, cache_line_floats * sizeof(float)));
    for (int64_t i3 = 0; i3 < x.ne[3]; i3++) {
        for (int64_t i2 = 0; i2 < x.ne[2]; i2++) {
            part.w = rows_of(w, i2 * w.ne[2] / x.ne[2], i3 * w.ne[3] / x.ne[3]);
            part.x = rows_of(x, i2, i3);
            part.out = reinterpret_cast<float *>(static_cast<char *>(node->data) + i2 * node->nb[2] + i3 * node->nb[3]);
            kernel.multiply(part);
        }
    }
}

}  // namespace vserve
