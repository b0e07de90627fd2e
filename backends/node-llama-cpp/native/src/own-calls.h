#pragma once

#include <string>
#include <vector>

#include "message.h"
#include "peg-parser.h"  // llama.cpp's

namespace vserve {

// Forms of tool calls that llama.cpp does not find in a template, or would read wrongly.
enum class OwnCalls {
    none,      // llama.cpp's
    envelope,  // of tool-envelope.h
    mistral,   // [TOOL_CALLS]name[CALL_ID]id[ARGS]{}, where the id may be missing
    granite,   // <|tool_call|>[{"name": , "arguments": }]
};

// The text with which calls of a form begin.
std::string start_of(OwnCalls form);

// What reads answers with thoughts between those tags, a text, and calls, and makes the grammar of the calls.
common_peg_arena own_calls_parser(OwnCalls form, const ToolSettings & tools, const std::string & thought_start,
                                  const std::vector<std::string> & thought_ends);

}  // namespace vserve
