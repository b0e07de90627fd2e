// The part of the engine that deals with LoRA adapters: a batch is computed with one of them, or with none.

#include <algorithm>

#include "engine.h"
#include "error.h"

namespace vserve {

uint64_t Engine::load_adapter(const std::string & path) {
    uint64_t id = Adapters::none;
    run_between_steps([&] { id = adapters_.load(path); });
    return id;
}

void Engine::unload_adapter(uint64_t id) {
    run_between_steps([&] {
        // Those that were given up only now.
        drop_cancelled();
        const auto running = running_;
        for (const auto & answer : running) {
            if (answer->request->settings.adapter == id) {
                fail(answer, "model_not_found", "The adapter was unloaded.");
            }
        }
        if (image_prefill_) {
            image_prefill_->drop_adapter();
        }
        adapters_.unload(context_.get(), id);
        cache_->forget(Request::salt_prefix_of(id));
        work_done_.cached_tokens = cache_->tokens();
        work_done_.copied_bytes = cache_->copied_bytes();
    });
}

void Engine::run_between_steps(std::function<void()> work) {
    std::packaged_task<void()> task(std::move(work));
    auto done = task.get_future();
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (stopping_) {
            throw EngineError("model_closed", "The model is closed.");
        }
        errands_.push_back(std::move(task));
        woken_ = true;
    }
    work_.notify_one();
    try {
        done.get();
    } catch (const std::future_error &) {
        throw EngineError("model_closed", "The model was closed meanwhile.");
    }
}

// Engine thread. Never throws: what a task throws is for who waits for it.
void Engine::run_errands() {
    std::deque<std::packaged_task<void()>> errands;
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        errands.swap(errands_);
    }
    for (auto & errand : errands) {
        errand();
    }
}

// Throws EngineError model_not_found where an answer's adapter is not loaded any more.
void Engine::use_adapter_of(const Answer & answer) {
    const uint64_t id = answer.request->settings.adapter;
    if (id != Adapters::none && adapters_.find(id) == nullptr) {
        throw EngineError("model_not_found", "The adapter was unloaded.");
    }
    adapters_.use(context_.get(), id);
}

// Decodes a step: the answers of each adapter in a batch of their own, in order of their first ones. What becomes of one batch
// may have taken the places of answers in another.
void Engine::compute_step(Shares shares) {
    while (!shares.empty()) {
        const uint64_t adapter = shares.front().first->request->settings.adapter;
        const auto rest = std::stable_partition(shares.begin(), shares.end(), [adapter](const auto & share) {
            return share.first->request->settings.adapter == adapter;
        });
        Shares others(std::make_move_iterator(rest), std::make_move_iterator(shares.end()));
        shares.erase(rest, shares.end());
        fill_batch(std::move(shares));
        compute_batch();
        others.erase(std::remove_if(others.begin(), others.end(),
                                    [](const auto & share) { return share.first->place.slot < 0; }),
                     others.end());
        shares = std::move(others);
    }
}

// The slots of the answers that generate with the same adapter: of the one that most do.
std::vector<llama_seq_id> Engine::streams_to_bring_together() const {
    std::map<uint64_t, std::vector<llama_seq_id>> slots;
    for (const auto & answer : running_) {
        if (answer->decoding()) {
            slots[answer->request->settings.adapter].push_back(answer->place.slot);
        }
    }
    const auto most = std::max_element(slots.begin(), slots.end(), [](const auto & a, const auto & b) {
        return a.second.size() < b.second.size();
    });
    return most == slots.end() ? std::vector<llama_seq_id>{} : most->second;
}

}  // namespace vserve
