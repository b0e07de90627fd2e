// Compiled for AVX-512F: see CMakeLists.txt.

#include <immintrin.h>

#include "matmul-kernel.h"

namespace vserve {

namespace {

using Vector = __m512;
constexpr int lanes = 16;
// 24 of the 32 registers hold the tile.
constexpr int w_vectors = 2;
constexpr int x_rows = 12;

inline Vector zero() { return _mm512_setzero_ps(); }
inline Vector load(const float * from) { return _mm512_loadu_ps(from); }
inline Vector broadcast(const float * from) { return _mm512_set1_ps(*from); }
inline Vector sum(Vector a, Vector b) { return _mm512_add_ps(a, b); }
inline Vector multiply_add(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }
inline void store(float * to, Vector vector) { _mm512_storeu_ps(to, vector); }

}  // namespace

}  // namespace vserve

#include "matmul-kernel-x86.h"

namespace vserve {

const MatmulKernel avx512_matmul = {"AVX-512", w_rows, x_rows, scratch_floats, multiply};

}  // namespace vserve
