#pragma once

#include <cstdint>

namespace vserve {

// A matrix whose rows are contiguous, in blocks as ggml's types have them (of one number, or 32, or 256).
struct Rows {
    enum class Type { f32, f16, bf16, other };

    const char * data;
    int64_t row_bytes;
    int64_t block_size;  // in numbers
    int64_t block_bytes;
    Type type;
    void (*to_float)(const void * from, float * to, int64_t n);  // for Type::other: whole blocks
};

// out[i][j] = the dot product of row i of x and row j of w, both of k numbers, for the rows [x_begin, x_end) and
// [w_begin, w_end).
struct MatmulPart {
    Rows w;
    Rows x;
    int64_t k;
    int64_t x_begin, x_end;
    int64_t w_begin, w_end;
    float * out;
    int64_t out_stride;  // in floats
    float * scratch;     // MatmulKernel::scratch_floats of them, aligned to 64 bytes
};

// A matmul in float32 for one instruction set. One thread computes one part.
struct MatmulKernel {
    const char * name;
    // The product is computed in tiles: parts should begin at multiples of these.
    int64_t w_rows;
    int64_t x_rows;
    int64_t scratch_floats;
    void (*multiply)(const MatmulPart & part);
};

#ifdef VSERVE_X86_KERNELS
extern const MatmulKernel avx2_matmul;    // needs AVX2, FMA and F16C
extern const MatmulKernel avx512_matmul;  // needs AVX-512F too
#endif

}  // namespace vserve
