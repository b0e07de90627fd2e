#pragma once

#include <stdexcept>
#include <string>

namespace vserve {

// An error with one of the project's codes (src/errors/error-codes.ts); JavaScript turns it into a VserveError.
struct EngineError : std::runtime_error {
    std::string code;
    EngineError(std::string code, const std::string & message) : std::runtime_error(message), code(std::move(code)) {}
};

}  // namespace vserve
