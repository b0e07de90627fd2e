#pragma once

#include <exception>
#include <stdexcept>
#include <string>

namespace vserve {

// An error with one of the project's codes (src/errors/error-codes.ts); JavaScript turns it into a VserveError.
struct EngineError : std::runtime_error {
    std::string code;
    int image = -1;  // the index of the image at fault
    EngineError(std::string code, const std::string & message, int image = -1)
        : std::runtime_error(message), code(std::move(code)), image(image) {}
};

// Converts any exception to an error that can be reported.
EngineError engine_error_of(const std::exception_ptr & thrown);

}  // namespace vserve
