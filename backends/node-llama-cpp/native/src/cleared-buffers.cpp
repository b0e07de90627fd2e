#include "cleared-buffers.h"

#ifdef __linux__
#include <algorithm>
#include <atomic>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>

#include "ggml-backend-impl.h"
#include "ggml-backend.h"
#endif

namespace vserve {

#ifdef __linux__

namespace {

constexpr size_t piece = 16 << 20;    // of a thread, and too little to begin threads for
constexpr unsigned most_threads = 8;  // they wait for one another in the system
constexpr int populate_write = 23;    // MADV_POPULATE_WRITE

// What ggml has for buffers in main memory. Several models may be loaded at once.
decltype(ggml_backend_buffer_type_i::alloc_buffer) allocate = nullptr;
std::atomic<decltype(ggml_backend_buffer_i::clear)> fill{nullptr};

// A system that cannot, or has not so much, gives the pages when they are written to.
void populate(char * memory, size_t bytes) {
    std::atomic<size_t> next{0};
    const auto work = [&] {
        for (size_t at = next.fetch_add(piece); at < bytes; at = next.fetch_add(piece)) {
            if (madvise(memory + at, std::min(piece, bytes - at), populate_write) != 0) {
                return;
            }
        }
    };
    const size_t pieces = (bytes + piece - 1) / piece;
    const size_t n_threads = std::min<size_t>(pieces, std::clamp(std::thread::hardware_concurrency(), 1u, most_threads));
    std::vector<std::thread> helpers;
    try {
        for (size_t i = 1; i < n_threads; i++) {
            helpers.emplace_back(work);
        }
    } catch (const std::system_error &) {
        // there are as many threads as may be: the others do it
    }
    work();
    for (std::thread & helper : helpers) {
        helper.join();
    }
}

void populate_and_fill(ggml_backend_buffer_t buffer, uint8_t value) {
    const auto original = fill.load();
    buffer->iface.clear = original;
    const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
    const auto base = reinterpret_cast<uintptr_t>(ggml_backend_buffer_get_base(buffer));
    const uintptr_t first = (base + page - 1) / page * page;
    const uintptr_t end = (base + ggml_backend_buffer_get_size(buffer)) / page * page;
    populate(reinterpret_cast<char *>(first), end - first);
    original(buffer, value);
}

ggml_backend_buffer_t allocate_for_filling(ggml_backend_buffer_type_t type, size_t bytes) {
    ggml_backend_buffer_t buffer = allocate(type, bytes);
    if (buffer != nullptr && bytes > piece) {
        fill = buffer->iface.clear;
        buffer->iface.clear = populate_and_fill;
    }
    return buffer;
}

}  // namespace

// ggml has no setting for it, but one table of functions for all buffers in main memory.
void populate_cleared_buffers() {
    static std::once_flag done;
    std::call_once(done, [] {
        auto & functions = ggml_backend_cpu_buffer_type()->iface;
        allocate = functions.alloc_buffer;
        functions.alloc_buffer = allocate_for_filling;
    });
}

#else

void populate_cleared_buffers() {}

#endif

}  // namespace vserve
