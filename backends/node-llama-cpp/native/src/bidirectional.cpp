#include "bidirectional.h"

#include "llama-context.h"  // llama.cpp's own: the layout is that of the pinned release

namespace vserve {

Bidirectional::Bidirectional(llama_context * context, bool wanted)
    // As llama_context::encode sets it for the time of a batch.
    : causal_(const_cast<llama_cparams &>(context->get_cparams()).causal_attn), before_(causal_) {
    if (wanted) {
        causal_ = false;
    }
}

Bidirectional::~Bidirectional() {
    causal_ = before_;
}

}  // namespace vserve
