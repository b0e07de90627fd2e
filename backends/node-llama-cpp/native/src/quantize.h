// Quantizes a model with llama.cpp's quantizer.
#pragma once

#include <string>

namespace vserve {

// Writes the model `source` (GGUF, f32, f16 or bf16) to `destination` with the mixture `type` (q8_0, q6_k, q5_k_m,
// q4_k_m, q4_0). llama.cpp cannot be interrupted: run it in a process that can be killed.
// Throws EngineError: disk_full, quantization_failed.
void quantize(const std::string & source, const std::string & destination, const std::string & type, int threads);

}  // namespace vserve
