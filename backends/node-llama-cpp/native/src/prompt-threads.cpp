#include "prompt-threads.h"

#include <cerrno>
#include <memory>
#include <system_error>

#ifdef _WIN32
#include <process.h>
#include <windows.h>
#else
#include <pthread.h>
#endif
#ifdef __linux__
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace vserve {

namespace {

// Per lane: a slow prompt leaves one thread for the others.
constexpr int lane_threads = 2;
// Built in well under a tenth of a second.
constexpr size_t short_prompt_bytes = 64 * 1024;

// std::regex, which some pre-tokenizers use, recurses as deep as a word is long: see unicode_regex_bound in
// patches/16-tokenizer.patch. Only the used part of a stack takes memory.
constexpr unsigned stack_bytes = 128 * 1024 * 1024;

#ifdef _WIN32
unsigned __stdcall run_and_delete(void * function) {
    const std::unique_ptr<std::function<void()>> owned(static_cast<std::function<void()> *>(function));
    (*owned)();
    return 0;
}

void start_detached(std::function<void()> function) {
    auto owned = std::make_unique<std::function<void()>>(std::move(function));
    const uintptr_t thread =
        _beginthreadex(nullptr, stack_bytes, run_and_delete, owned.get(), STACK_SIZE_PARAM_IS_A_RESERVATION, nullptr);
    if (thread == 0) {
        throw std::system_error(errno, std::generic_category());
    }
    owned.release();
    CloseHandle(reinterpret_cast<HANDLE>(thread));
}
#else
void * run_and_delete(void * function) {
    const std::unique_ptr<std::function<void()>> owned(static_cast<std::function<void()> *>(function));
    (*owned)();
    return nullptr;
}

void start_detached(std::function<void()> function) {
    auto owned = std::make_unique<std::function<void()>>(std::move(function));
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, stack_bytes);
    pthread_t thread;
    const int error = pthread_create(&thread, &attributes, run_and_delete, owned.get());
    pthread_attr_destroy(&attributes);
    if (error != 0) {
        throw std::system_error(error, std::generic_category());
    }
    owned.release();
}
#endif

// macOS has no priorities of threads for this.
void lower_own_priority() {
#ifdef _WIN32
    SetThreadPriority(GetCurrentThread(), THREAD_PRIORITY_BELOW_NORMAL);
#elif defined(__linux__)
    setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), 10);
#endif
}

}  // namespace

PromptThreads::~PromptThreads() {
    drain();
}

bool PromptThreads::is_long(size_t bytes) {
    return bytes > short_prompt_bytes;
}

void PromptThreads::run(size_t bytes, std::function<void()> work) {
    const std::lock_guard<std::mutex> lock(mutex_);
    Lane & lane = is_long(bytes) ? long_ : short_;
    lane.queue.push_back(std::move(work));
    if (lane.n_threads < lane_threads) {
        start_thread(lane);
    }
}

void PromptThreads::drain() {
    std::unique_lock<std::mutex> lock(mutex_);
    idle_.wait(lock, [this] { return short_.n_threads + long_.n_threads == 0; });
}

void PromptThreads::start_thread(Lane & lane) {
    try {
        start_detached([this, &lane] { work(lane); });
        lane.n_threads++;
    } catch (const std::system_error &) {
        if (lane.n_threads == 0) {  // otherwise the running threads get to it
            lane.queue.pop_back();
            throw;
        }
    }
}

void PromptThreads::work(Lane & lane) {
    if (lane.is_long) {
        lower_own_priority();
    }
    std::unique_lock<std::mutex> lock(mutex_);
    while (!lane.queue.empty()) {
        const auto work = std::move(lane.queue.front());
        lane.queue.pop_front();
        lock.unlock();
        work();
        lock.lock();
    }
    lane.n_threads--;
    idle_.notify_all();
}

}  // namespace vserve
