// Multiplies matrices of small whole numbers, whose products are exact in any order of summing, with each kernel that this
// CPU can run, and prints "<kernel> ok" for each, or the first number that is wrong.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include "matmul-kernel.h"

using vserve::MatmulKernel;
using vserve::MatmulPart;
using vserve::Rows;

namespace {

constexpr int64_t block_size = 32;

// A block type of our own: one byte for each number.
void bytes_to_float(const void * from, float * to, int64_t n) {
    for (int64_t i = 0; i < n; i++) to[i] = static_cast<const int8_t *>(from)[i];
}

struct Matrix {
    int64_t rows, columns;
    std::vector<int> numbers;
    std::vector<char> bytes;
    Rows view;

    Matrix(int64_t rows, int64_t columns, Rows::Type type, std::mt19937 & random) : rows(rows), columns(columns) {
        const int64_t size = type == Rows::Type::f32 ? 4 : type == Rows::Type::other ? 1 : 2;
        for (int64_t i = 0; i < rows * columns; i++) {
            numbers.push_back(static_cast<int>(random() % 17) - 8);
            const float number = static_cast<float>(numbers.back());
            uint32_t bits;
            std::memcpy(&bits, &number, sizeof bits);
            // From -8 to 8 all numbers are normal or zero, and the low bits of their fractions are zero.
            const uint32_t f16 = number == 0 ? 0 : (bits >> 16 & 0x8000) | (((bits >> 23 & 0xff) - 112) << 10) | (bits >> 13 & 0x3ff);
            const uint32_t data = type == Rows::Type::f32    ? bits
                                  : type == Rows::Type::f16  ? f16
                                  : type == Rows::Type::bf16 ? bits >> 16
                                                             : static_cast<uint32_t>(numbers.back()) & 0xff;
            for (int64_t k = 0; k < size; k++) bytes.push_back(static_cast<char>(data >> 8 * k));
        }
        const int64_t block = type == Rows::Type::other ? block_size : 1;
        view = {bytes.data(), columns * size, block, block * size, type, bytes_to_float};
    }
};

bool check(const MatmulKernel & kernel, int64_t n, int64_t m, int64_t k, Rows::Type w_type, Rows::Type x_type) {
    std::mt19937 random(static_cast<unsigned>(n * 31 + m * 7 + k));
    const Matrix w(m, k, w_type, random), x(n, k, x_type, random);
    const int64_t stride = m + 3;
    constexpr float untouched = 0.5f;
    std::vector<float> out(n * stride, untouched);
    auto * scratch = static_cast<float *>(std::aligned_alloc(64, (kernel.scratch_floats * 4 + 63) / 64 * 64));
    // Two threads' parts, one after the other.
    const int64_t middle = m / 2 / kernel.w_rows * kernel.w_rows;
    kernel.multiply({w.view, x.view, k, 0, n, 0, middle, out.data(), stride, scratch});
    kernel.multiply({w.view, x.view, k, 0, n, middle, m, out.data(), stride, scratch});
    std::free(scratch);
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < stride; j++) {
            int64_t expected = 0;
            for (int64_t l = 0; j < m && l < k; l++) expected += x.numbers[i * k + l] * w.numbers[j * k + l];
            if (out[i * stride + j] != (j < m ? static_cast<float>(expected) : untouched)) {
                std::printf("%s: %lld x %lld x %lld, row %lld, column %lld: %g, not %lld\n", kernel.name, (long long) n,
                            (long long) m, (long long) k, (long long) i, (long long) j, out[i * stride + j],
                            (long long) expected);
                return false;
            }
        }
    }
    return true;
}

void check(const MatmulKernel & kernel) {
    const int64_t sizes[][3] = {{1, 1, 1}, {7, 17, 5}, {36, 64, 32}, {49, 97, 385}, {50, 350, 800}, {1100, 40, 416}};
    const Rows::Type types[] = {Rows::Type::f32, Rows::Type::f16, Rows::Type::bf16, Rows::Type::other};
    for (const auto & [n, m, k] : sizes) {
        for (const Rows::Type type : types) {
            if (type == Rows::Type::other && k % block_size != 0) continue;
            const Rows::Type x_type = type == Rows::Type::f16 ? Rows::Type::f16 : Rows::Type::f32;
            if (!check(kernel, n, m, k, type, x_type)) return;
        }
    }
    std::printf("%s ok\n", kernel.name);
}

}  // namespace

int main() {
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) check(vserve::avx2_matmul);
    if (__builtin_cpu_supports("avx512f")) check(vserve::avx512_matmul);
}
