#include "bindings/read-options.h"

#include <string>

#include "bindings/js-values.h"
#include "bindings/read-images.h"
#include "bindings/task.h"

namespace vserve {

namespace {

Vision::Encoding encoding_of(const std::string & name) {
    return name == "original" ? Vision::Encoding::original
           : name == "f32"    ? Vision::Encoding::f32
                              : Vision::Encoding::automatic;
}

llama_flash_attn_type flash_attention_of(const std::string & name) {
    return name == "on"    ? LLAMA_FLASH_ATTN_TYPE_ENABLED
           : name == "off" ? LLAMA_FLASH_ATTN_TYPE_DISABLED
                           : LLAMA_FLASH_ATTN_TYPE_AUTO;
}

ggml_type kv_type_of(Napi::Env env, const std::string & name) {
    for (const ggml_type type : {GGML_TYPE_F32, GGML_TYPE_F16, GGML_TYPE_BF16, GGML_TYPE_Q8_0, GGML_TYPE_Q5_1,
                                 GGML_TYPE_Q5_0, GGML_TYPE_Q4_1, GGML_TYPE_Q4_0, GGML_TYPE_IQ4_NL}) {
        if (name == ggml_type_name(type)) {
            return type;
        }
    }
    throw to_js_error(env, "invalid_setting", "The KV cache cannot be of the type " + name + ".");
}

}  // namespace

EngineOptions options_of(const Napi::Object & object) {
    EngineOptions options;
    options.mmproj_path = text_of(object, "mmprojPath");
    options.chat_template = optional_text_of(object, "chatTemplate").value_or("");
    options.placement = placement_of(object.Get("imagePlacement"));
    options.context_cells = integer_of(object, "contextCells");
    options.separate_cells = boolean_of(object, "separateCells");
    options.max_length = integer_of(object, "maxLength");
    options.max_sequences = integer_of(object, "maxSequences");
    options.batch_tokens = integer_of(object, "batchTokens");
    options.n_threads = integer_of(object, "threads");
    options.n_threads_batch = integer_of(object, "threadsBatch");
    options.threads_adapt = boolean_of(object, "threadsAdapt");
    options.threads_batch_adapt = boolean_of(object, "threadsBatchAdapt");
    options.throttle_counter = optional_text_of(object, "throttleCounter").value_or("");
    options.n_cpus = integer_of(object, "cpus");
    options.flash_attention = flash_attention_of(text_of(object, "flashAttention"));
    options.encoder_flash_attention = flash_attention_of(text_of(object, "encoderFlashAttention"));
    options.kv_type = kv_type_of(object.Env(), text_of(object, "kvCacheFormat"));
    options.use_gpu = boolean_of(object, "useGpu");
    options.encoder_bytes = optional_size_of(object, "encoderBytes").value_or(SIZE_MAX);
    options.image_defaults = changes_of(object.Get("imageDefaults"));
    options.largest_image = changes_of(object.Get("largestImage"));
    if (object.Get("maxImageTokens").IsNumber()) {
        options.max_image_tokens = integer_of(object, "maxImageTokens");
    }
    options.keep_prefixes = boolean_of(object, "enablePrefixCaching");
    options.copy_bytes = size_of(object, "kvCopyBytes");
    options.cached_images = size_of(object, "maxVisionCacheEntries");
    options.cached_image_bytes = size_of(object, "cachedImageBytes");
    options.end_tokens = integers_of(object, "endTokens");
    options.mmproj_encoding = encoding_of(text_of(object, "mmprojEncoding"));
    return options;
}

EmbedderOptions embedder_options_of(const Napi::Object & object) {
    EmbedderOptions options;
    options.mmproj_path = text_of(object, "mmprojPath");
    options.placement = placement_of(object.Get("imagePlacement"));
    options.max_length = integer_of(object, "maxLength");
    options.max_sequences = integer_of(object, "maxSequences");
    options.n_threads = integer_of(object, "threads");
    options.use_gpu = boolean_of(object, "useGpu");
    const std::string pooling = text_of(object, "pooling");
    options.pooling = pooling == "cls"    ? LLAMA_POOLING_TYPE_CLS
                      : pooling == "last" ? LLAMA_POOLING_TYPE_LAST
                                          : LLAMA_POOLING_TYPE_MEAN;
    options.is_causal = boolean_of(object, "isCausal");
    options.flash_attention = flash_attention_of(text_of(object, "flashAttention"));
    options.encoder_flash_attention = flash_attention_of(text_of(object, "encoderFlashAttention"));
    options.mmproj_encoding = encoding_of(text_of(object, "mmprojEncoding"));
    options.cached_images = size_of(object, "maxVisionCacheEntries");
    options.cached_image_bytes = size_of(object, "cachedImageBytes");
    options.image_defaults = changes_of(object.Get("imageDefaults"));
    options.largest_image = changes_of(object.Get("largestImage"));
    return options;
}

}  // namespace vserve
