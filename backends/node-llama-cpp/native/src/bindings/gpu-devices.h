#pragma once

#include <napi.h>

namespace vserve {

// gpuDevices(): {name, totalBytes, freeBytes} of each GPU that a model's layers may go to, in llama.cpp's order
Napi::Value gpu_devices(const Napi::CallbackInfo & info);

// splitLayers(model, shares): the part of the layers that goes to each GPU; call it before the model is loaded
Napi::Value split_layers(const Napi::CallbackInfo & info);

// layersOfGpus(model): how many layers each GPU has, the output layer counted as one
Napi::Value layers_of_gpus(const Napi::CallbackInfo & info);

}  // namespace vserve
