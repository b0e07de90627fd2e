#include "bindings/gpu-devices.h"

#include <algorithm>
#include <vector>

#include "AddonModel.h"
#include "ggml-backend.h"
#include "llama-model.h"  // llama.cpp's own: the layout is that of the pinned release

namespace vserve {

namespace {

std::vector<ggml_backend_dev_t> devices_of(enum ggml_backend_dev_type type) {
    std::vector<ggml_backend_dev_t> devices;
    for (size_t i = 0; i < ggml_backend_dev_count(); i++) {
        if (ggml_backend_dev_type(ggml_backend_dev_get(i)) == type) {
            devices.push_back(ggml_backend_dev_get(i));
        }
    }
    return devices;
}

// As llama.cpp chooses: the integrated ones only if there are no others.
std::vector<ggml_backend_dev_t> gpus() {
    auto devices = devices_of(GGML_BACKEND_DEVICE_TYPE_GPU);
    return devices.empty() ? devices_of(GGML_BACKEND_DEVICE_TYPE_IGPU) : devices;
}

AddonModel & model_of(const Napi::CallbackInfo & info) {
    return *Napi::ObjectWrap<AddonModel>::Unwrap(info[0].As<Napi::Object>());
}

}  // namespace

Napi::Value gpu_devices(const Napi::CallbackInfo & info) {
    Napi::Array array = Napi::Array::New(info.Env());
    for (const auto device : gpus()) {
        size_t free = 0;
        size_t total = 0;
        ggml_backend_dev_memory(device, &free, &total);
        Napi::Object object = Napi::Object::New(info.Env());
        object.Set("name", ggml_backend_dev_description(device));
        object.Set("totalBytes", static_cast<double>(total));
        object.Set("freeBytes", static_cast<double>(std::min(free, total)));
        array.Set(array.Length(), object);
    }
    return array;
}

Napi::Value split_layers(const Napi::CallbackInfo & info) {
    // llama.cpp copies them as it begins to load.
    static std::vector<float> shares;
    shares.assign(llama_max_devices(), 0);
    const auto array = info[1].As<Napi::Array>();
    for (uint32_t i = 0; i < array.Length() && i < shares.size(); i++) {
        shares[i] = array.Get(i).As<Napi::Number>().FloatValue();
    }
    model_of(info).model_params.tensor_split = shares.data();
    return info.Env().Undefined();
}

Napi::Value layers_of_gpus(const Napi::CallbackInfo & info) {
    const llama_model & model = *model_of(info).model;
    const auto devices = gpus();
    std::vector<uint32_t> counts(devices.size());
    const auto count = [&](ggml_backend_dev_t device) {
        const auto found = std::find(devices.begin(), devices.end(), device);
        if (found != devices.end()) {
            counts[found - devices.begin()]++;
        }
    };
    for (int32_t layer = 0; layer < llama_model_n_layer(&model); layer++) {
        count(model.dev_layer(layer));
    }
    count(model.dev_output());
    Napi::Array array = Napi::Array::New(info.Env());
    for (uint32_t i = 0; i < counts.size(); i++) {
        array.Set(i, counts[i]);
    }
    return array;
}

}  // namespace vserve
