#pragma once

#include <exception>
#include <future>
#include <memory>
#include <thread>

namespace vserve {

// Starts a thread that loads what it works with, and then works. Returns once it has loaded. Throws what load() throws;
// the thread has ended then. ggml pins the thread that creates a thread pool, or computes, to a CPU: so one thread does
// all of that.
template <typename Load, typename Work>
std::thread start_loaded(Load load, Work work) {
    const auto loaded = std::make_shared<std::promise<void>>();
    std::thread thread([loaded, load, work] {
        try {
            load();
        } catch (...) {
            loaded->set_exception(std::current_exception());
            return;
        }
        loaded->set_value();
        work();
    });
    try {
        loaded->get_future().get();
    } catch (...) {
        thread.join();
        throw;
    }
    return thread;
}

}  // namespace vserve
