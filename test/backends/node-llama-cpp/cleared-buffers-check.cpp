// Fills buffers of ggml in main memory as the engine has them filled, and prints of each: whether all bytes have the value,
// how many bytes of it lie outside of the pages that were asked for before, and how many threads asked at once.
//
// cleared-buffers-check given|refused BYTES...    refused: the system gives no pages in advance

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleared-buffers.h"
#include "ggml-backend.h"

static constexpr int populate_write = 23;
static bool given = true;
static std::mutex mutex;
static size_t populated = 0;
static std::set<std::thread::id> threads;
static std::condition_variable joined;
static bool is_late = false;  // so long that no other will come
static const size_t expected_threads = std::min(2u, std::thread::hardware_concurrency());

// In place of libc's.
extern "C" int madvise(void * memory, size_t bytes, int advice) noexcept {
    if (advice == populate_write) {
        std::unique_lock<std::mutex> lock(mutex);
        threads.insert(std::this_thread::get_id());
        populated += bytes;
        joined.notify_all();
        const auto all_ask = [] { return threads.size() >= expected_threads; };
        is_late = is_late || !joined.wait_for(lock, std::chrono::seconds(10), all_ask);
        if (!given) {
            return -1;
        }
    }
    return static_cast<int>(syscall(SYS_madvise, memory, bytes, advice));
}

static bool is_filled(ggml_backend_buffer_t buffer, uint8_t value) {
    const auto * bytes = static_cast<const uint8_t *>(ggml_backend_buffer_get_base(buffer));
    const size_t size = ggml_backend_buffer_get_size(buffer);
    return bytes[0] == value && std::memcmp(bytes, bytes + 1, size - 1) == 0;
}

int main(int count, char ** arguments) {
    given = std::string(arguments[1]) == "given";
    // As by two models that load at once.
    std::thread other(vserve::populate_cleared_buffers);
    vserve::populate_cleared_buffers();
    other.join();
    for (int i = 2; i < count; i++) {
        ggml_backend_buffer_t buffer =
            ggml_backend_buft_alloc_buffer(ggml_backend_cpu_buffer_type(), std::strtoull(arguments[i], nullptr, 10));
        populated = 0;
        threads.clear();
        ggml_backend_buffer_clear(buffer, 7);
        const bool first = is_filled(buffer, 7);
        const size_t outside = ggml_backend_buffer_get_size(buffer) - populated;
        const size_t asking = threads.size();
        ggml_backend_buffer_clear(buffer, 0);  // its pages are there by now: nobody asks again
        const bool again = is_filled(buffer, 0) && ggml_backend_buffer_get_size(buffer) - populated == outside;
        std::printf("%s %zu %zu\n", first && again ? "filled" : "wrong", outside, asking);
        ggml_backend_buffer_free(buffer);
    }
}
