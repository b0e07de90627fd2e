#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "llama-adapter.h"  // llama.cpp's own: the layout is that of the pinned release
#include "llama.h"

namespace vserve {

// The LoRA adapters of a model, and which of them its context computes with. For the engine thread only.
//
// llama_set_adapters_lora has the next batch reserve the memory of all graphs anew. Where requests of several adapters run at
// a time, each step changes between them, so that happens for the first batch of an adapter only: the set that llama.cpp made
// then is kept, and put back. llama.cpp tells by the address of the set whether it can use its last graph again.
class Adapters {
  public:
    // `model` must outlive this.
    explicit Adapters(llama_model * model) : model_(model) {}

    // The model as it is, without an adapter.
    static constexpr uint64_t none = 0;

    // Returns an id that no other adapter ever has. Throws EngineError model_load_failed.
    uint64_t load(const std::string & path);
    // Nothing may be computed with it any more.
    void unload(llama_context * context, uint64_t id);
    // Has a context's next batches computed with an adapter. Always the same context.
    void use(llama_context * context, uint64_t id);
    // Null for `none`.
    llama_adapter_lora * find(uint64_t id) const;

  private:
    using Owned = std::unique_ptr<llama_adapter_lora, decltype(&llama_adapter_lora_free)>;

    llama_model * model_;
    std::unordered_map<uint64_t, Owned> loaded_;
    std::unordered_map<uint64_t, llama_adapter_loras_ptr> sets_;  // that llama.cpp made; without the current one
    uint64_t current_ = none;
    uint64_t last_id_ = none;
};

}  // namespace vserve
