#include "adapters.h"

#include <utility>

#include "error.h"
#include "llama-context.h"  // likewise

namespace vserve {

namespace {

llama_adapter_loras_ptr & set_of(llama_context & context);

// The one way to a private member: access is not checked where a template is instantiated explicitly.
template <llama_adapter_loras_ptr llama_context::*member>
struct Opened {
    friend llama_adapter_loras_ptr & set_of(llama_context & context) { return context.*member; }
};
template struct Opened<&llama_context::loras>;

}  // namespace

uint64_t Adapters::load(const std::string & path) {
    Owned adapter(llama_adapter_lora_init(model_, path.c_str()), llama_adapter_lora_free);
    if (!adapter) {
        throw EngineError("model_load_failed", "llama.cpp cannot load the adapter " + path +
                                                 ". It may be made for another model: the log at --log-level debug says why.");
    }
    loaded_.emplace(++last_id_, std::move(adapter));
    return last_id_;
}

void Adapters::unload(llama_context * context, uint64_t id) {
    llama_adapter_lora * adapter = find(id);
    if (adapter == nullptr) {
        return;
    }
    use(context, none);
    sets_.erase(id);
    // Has llama.cpp forget its last graphs: the next adapter's set may get the address of this one's.
    float scale = 1;
    llama_set_adapters_lora(context, &adapter, 1, &scale);
    llama_set_adapters_lora(context, nullptr, 0, nullptr);
    loaded_.erase(id);
}

void Adapters::use(llama_context * context, uint64_t id) {
    if (id == current_) {
        return;
    }
    llama_adapter_loras_ptr & set = set_of(*context);
    const auto known = sets_.find(id);
    llama_adapter_loras_ptr next = known == sets_.end() ? std::make_unique<llama_adapter_loras>() : std::move(known->second);
    sets_[current_] = std::move(set);
    set = std::move(next);
    current_ = id;
    if (known == sets_.end()) {
        llama_adapter_lora * adapter = find(id);
        float scale = 1;
        llama_set_adapters_lora(context, &adapter, 1, &scale);
    }
}

llama_adapter_lora * Adapters::find(uint64_t id) const {
    const auto found = loaded_.find(id);
    return found == loaded_.end() ? nullptr : found->second.get();
}

}  // namespace vserve
