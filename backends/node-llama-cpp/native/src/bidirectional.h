#pragma once

#include "llama.h"

namespace vserve {

// While it lives, and if `wanted`, all tokens of a batch attend to one another, as those of some models' images must.
//
// llama_set_causal_attn does it too, but has the next two batches reserve the memory of all graphs anew: on a GPU hundreds of
// megabytes are freed and allocated, which another program may take in between, and all captured graphs are lost. Only the
// numbers in the attention mask depend on it, none of the sizes.
class Bidirectional {
  public:
    Bidirectional(llama_context * context, bool wanted);
    ~Bidirectional();
    Bidirectional(const Bidirectional &) = delete;
    Bidirectional & operator=(const Bidirectional &) = delete;

  private:
    bool & causal_;
    const bool before_;
};

}  // namespace vserve
