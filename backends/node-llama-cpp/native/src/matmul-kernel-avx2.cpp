// Compiled for AVX2, FMA and F16C: see CMakeLists.txt.

#include <immintrin.h>

#include "matmul-kernel.h"

namespace vserve {

namespace {

using Vector = __m256;
constexpr int lanes = 8;
// 12 of the 16 registers hold the tile.
constexpr int w_vectors = 2;
constexpr int x_rows = 6;

inline Vector zero() { return _mm256_setzero_ps(); }
inline Vector load(const float * from) { return _mm256_loadu_ps(from); }
inline Vector broadcast(const float * from) { return _mm256_broadcast_ss(from); }
inline Vector sum(Vector a, Vector b) { return _mm256_add_ps(a, b); }
inline Vector multiply_add(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }
inline void store(float * to, Vector vector) { _mm256_storeu_ps(to, vector); }

}  // namespace

}  // namespace vserve

#include "matmul-kernel-x86.h"

namespace vserve {

const MatmulKernel avx2_matmul = {"AVX2", w_rows, x_rows, scratch_floats, multiply};

}  // namespace vserve
