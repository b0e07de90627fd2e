#include "error.h"

#include <new>

namespace vserve {

EngineError engine_error_of(const std::exception_ptr & thrown) {
    try {
        std::rethrow_exception(thrown);
    } catch (const EngineError & error) {
        return error;
    } catch (const std::bad_alloc &) {
        return {"out_of_memory", "The native engine ran out of memory. Send fewer requests at a time or shorter prompts, or "
                                 "start the server with a smaller --max-length."};
    } catch (const std::exception & error) {
        return {"generation_failed", std::string("The native engine failed: ") + error.what()};
    } catch (...) {
        return {"internal_error", "The native engine failed for an unknown reason."};
    }
}

}  // namespace vserve
