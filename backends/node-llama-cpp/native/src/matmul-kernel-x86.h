// The body of a matmul kernel, for a vector type that the including file defines. It defines nothing of external linkage,
// and uses no function of a standard header: the linker could keep this file's copy of one, and run it on a CPU that
// lacks the instructions.
//
// The scheme is Goto's: pieces of both matrices are copied into the order in which the innermost loop reads them, small
// enough for the caches (a few rows of x for the first level, a piece of w for the second), and a tile of the product
// stays in registers.

// The tile is an array, which a compiler keeps in registers only where the loops over it are unrolled.
#if defined(__GNUC__) && !defined(__clang__)
#define VSERVE_UNROLL _Pragma("GCC unroll 16")
#else
#define VSERVE_UNROLL _Pragma("clang loop unroll(full)")
#endif

namespace vserve {

namespace {

constexpr int w_rows = w_vectors * lanes;
// Numbers of a row that are multiplied in one go: a tile's rows of x then take a third to a half of the first cache.
constexpr int64_t k_block = 384;
// ggml's largest block: a piece of a row that ends with one may be longer than k_block.
constexpr int64_t largest_type_block = 256;
constexpr int64_t most_k = (k_block + largest_type_block - 1) / largest_type_block * largest_type_block;
// Rows of w that are copied at a time: with k_block numbers each, half of a second cache of 512 KB.
constexpr int64_t w_block = 160;
// Rows of x that are copied at a time. For each time, w is copied once more.
constexpr int64_t x_block = 1020;
static_assert(w_block % w_rows == 0 && x_block % x_rows == 0, "whole tiles");

inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

inline int64_t round_up(int64_t n, int64_t step) { return (n + step - 1) / step * step; }

// Numbers [k_begin, k_begin + n) of a row as floats: in place, or in `buffer`.
inline const float * row_piece(const Rows & rows, int64_t row, int64_t k_begin, int64_t n, float * buffer) {
    const char * data = rows.data + row * rows.row_bytes + k_begin / rows.block_size * rows.block_bytes;
    if (rows.type == Rows::Type::f32) {
        return reinterpret_cast<const float *>(data);
    }
    if (rows.type == Rows::Type::other) {
        rows.to_float(data, buffer, n);
        return buffer;
    }
    const auto * halves = reinterpret_cast<const uint16_t *>(data);
    const bool is_f16 = rows.type == Rows::Type::f16;
    int64_t i = 0;
    for (; i + 8 <= n; i += 8) {
        const __m128i eight = _mm_loadu_si128(reinterpret_cast<const __m128i *>(halves + i));
        const __m256 floats = is_f16 ? _mm256_cvtph_ps(eight)
                                     : _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(eight), 16));
        _mm256_storeu_ps(buffer + i, floats);
    }
    for (; i < n; i++) {
        const __m128i one = _mm_cvtsi32_si128(halves[i]);
        buffer[i] = _mm_cvtss_f32(is_f16 ? _mm_cvtph_ps(one) : _mm_castsi128_ps(_mm_slli_epi32(one, 16)));
    }
    return buffer;
}

// Copies numbers [k_begin, k_begin + n) of the rows [begin, end) as panels of `height` rows, each in the order of k, with
// zeros for the rows that the last panel lacks.
template <int height>
void pack(const Rows & rows, int64_t begin, int64_t end, int64_t k_begin, int64_t n, float * buffer, float * to) {
    for (int64_t row = begin; row < end; row += height, to += height * n) {
        for (int i = 0; i < height; i++) {
            if (row + i < end) {
                const float * from = row_piece(rows, row + i, k_begin, n, buffer);
                for (int64_t j = 0; j < n; j++) to[j * height + i] = from[j];
            } else {
                for (int64_t j = 0; j < n; j++) to[j * height + i] = 0;
            }
        }
    }
}

// One tile of the product: x_rows by w_rows, set or added to.
template <bool add> void multiply_tile(int64_t n, const float * w, const float * x, float * out, int64_t stride) {
    Vector sums[x_rows][w_vectors];
    VSERVE_UNROLL for (int i = 0; i < x_rows; i++) {
        VSERVE_UNROLL for (int v = 0; v < w_vectors; v++) sums[i][v] = zero();
    }
    for (int64_t j = 0; j < n; j++, w += w_rows, x += x_rows) {
        Vector column[w_vectors];
        VSERVE_UNROLL for (int v = 0; v < w_vectors; v++) column[v] = load(w + v * lanes);
        VSERVE_UNROLL for (int i = 0; i < x_rows; i++) {
            const Vector number = broadcast(x + i);
            VSERVE_UNROLL for (int v = 0; v < w_vectors; v++) sums[i][v] = multiply_add(number, column[v], sums[i][v]);
        }
    }
    VSERVE_UNROLL for (int i = 0; i < x_rows; i++) {
        VSERVE_UNROLL for (int v = 0; v < w_vectors; v++) {
            float * to = out + i * stride + v * lanes;
            store(to, add ? sum(load(to), sums[i][v]) : sums[i][v]);
        }
    }
}

// A tile at the edge of the product, of which only `x_count` by `w_count` exist.
void multiply_edge(int64_t n, const float * w, const float * x, float * out, int64_t stride, int64_t x_count,
                   int64_t w_count, bool add) {
    float tile[x_rows * w_rows];
    multiply_tile<false>(n, w, x, tile, w_rows);
    for (int64_t i = 0; i < x_count; i++) {
        for (int64_t j = 0; j < w_count; j++) {
            out[i * stride + j] = (add ? out[i * stride + j] : 0) + tile[i * w_rows + j];
        }
    }
}

void multiply(const MatmulPart & part) {
    const int64_t k_pieces = (part.k + k_block - 1) / k_block;
    const int64_t type_block = part.w.block_size > part.x.block_size ? part.w.block_size : part.x.block_size;
    const int64_t k_step = round_up((part.k + k_pieces - 1) / k_pieces, type_block);
    float * w_packed = part.scratch;
    float * x_packed = w_packed + w_block * most_k;
    float * buffer = x_packed + x_block * most_k;
    for (int64_t x_begin = part.x_begin; x_begin < part.x_end; x_begin += x_block) {
        const int64_t x_end = smaller(x_begin + x_block, part.x_end);
        for (int64_t k_begin = 0; k_begin < part.k; k_begin += k_step) {
            const int64_t n = smaller(k_step, part.k - k_begin);
            const bool add = k_begin > 0;
            pack<x_rows>(part.x, x_begin, x_end, k_begin, n, buffer, x_packed);
            for (int64_t w_begin = part.w_begin; w_begin < part.w_end; w_begin += w_block) {
                const int64_t w_end = smaller(w_begin + w_block, part.w_end);
                pack<w_rows>(part.w, w_begin, w_end, k_begin, n, buffer, w_packed);
                for (int64_t x = x_begin; x < x_end; x += x_rows) {
                    for (int64_t w = w_begin; w < w_end; w += w_rows) {
                        const float * w_panel = w_packed + (w - w_begin) * n;
                        const float * x_panel = x_packed + (x - x_begin) * n;
                        float * out = part.out + x * part.out_stride + w;
                        if (x + x_rows > x_end || w + w_rows > w_end) {
                            multiply_edge(n, w_panel, x_panel, out, part.out_stride, smaller(x_rows, x_end - x),
                                          smaller(w_rows, w_end - w), add);
                        } else if (add) {
                            multiply_tile<true>(n, w_panel, x_panel, out, part.out_stride);
                        } else {
                            multiply_tile<false>(n, w_panel, x_panel, out, part.out_stride);
                        }
                    }
                }
            }
        }
    }
}

constexpr int64_t scratch_floats = (w_block + x_block + 1) * most_k;

}  // namespace

}  // namespace vserve
