#include "own-calls.h"

#include "chat-peg-parser.h"  // llama.cpp's
#include "json.h"             // likewise
#include "tool-envelope.h"

namespace vserve {

namespace {

using Builder = common_chat_peg_builder;
using Parser = common_peg_parser;

common_json schema_of(const Tool & tool) {
    const std::string any = R"({"type": "object", "properties": {}})";
    const std::string & schema = tool.schema.empty() ? tool.parameters : tool.schema;
    return common_json::parse(schema.empty() || schema == "{}" ? any : schema);
}

Parser arguments_of(Builder & p, const Tool & tool, size_t index) {
    return p.tool_args(p.schema(p.json(), "arguments-" + std::to_string(index), schema_of(tool)));
}

// {"name": "…", "arguments": {…}}
Parser json_call(Builder & p, const Tool & tool, size_t index) {
    const auto key = [&p](const char * name) {
        return p.literal("\"" + std::string(name) + "\"") + p.space() + p.literal(":") + p.space();
    };
    const std::string name = common_json(tool.name).dump();
    const std::string bare = name.substr(1, name.size() - 2);
    return p.tool(p.tool_open(p.literal("{") + p.space() + key("name") + p.literal("\"") + p.tool_name(p.literal(bare)) +
                              p.literal("\"") + p.space() + p.literal(",") + p.space() + key("arguments")) +
                  arguments_of(p, tool, index) + p.space() + p.tool_close(p.literal("}")));
}

// name[CALL_ID]id[ARGS]{…}
Parser mistral_call(Builder & p, const Tool & tool, size_t index) {
    return p.tool(p.tool_open(p.tool_name(p.literal(tool.name)) +
                              p.optional(p.literal("[CALL_ID]") + p.tool_id(p.chars("[a-zA-Z0-9]", 9, 9))) +
                              p.literal("[ARGS]")) +
                  p.space() + arguments_of(p, tool, index) + p.tool_close(p.eps()));
}

Parser any_call(Builder & p, OwnCalls form, const std::vector<Tool> & tools) {
    auto any = p.choice();
    for (size_t i = 0; i < tools.size(); i++) {
        any |= p.rule("function-" + std::to_string(i),
                      form == OwnCalls::mistral ? mistral_call(p, tools[i], i) : json_call(p, tools[i], i));
    }
    return any;
}

Parser calls_of(Builder & p, OwnCalls form, const ToolSettings & tools) {
    const bool in_parallel = tools.parallel.value_or(true);
    const auto call = any_call(p, form, tools.tools);
    const auto start = p.literal(start_of(form));
    if (form == OwnCalls::granite) {
        const auto more = p.space() + p.literal(",") + p.space() + call;
        return start + p.space() + p.literal("[") + p.space() + call + p.repeat(more, 0, in_parallel ? -1 : 0) + p.space() +
               p.literal("]");
    }
    const auto end = p.literal(form == OwnCalls::envelope ? envelope_end : "");
    const auto one = start + p.space() + call + p.space() + end + p.space();
    return in_parallel ? p.one_or_more(one) : one;
}

Parser thought_of(Builder & p, const std::string & start, const std::vector<std::string> & ends) {
    if (start.empty()) {
        return p.eps();
    }
    auto end = p.choice();
    for (const auto & tag : ends) {
        end |= p.literal(tag);
    }
    return p.space() +
           p.optional(p.literal(start) + p.space() + p.reasoning(p.until_one_of(ends)) + end + p.space());
}

}  // namespace

std::string start_of(OwnCalls form) {
    return form == OwnCalls::mistral ? "[TOOL_CALLS]" : form == OwnCalls::granite ? "<|tool_call|>" : envelope_start;
}

common_peg_arena own_calls_parser(OwnCalls form, const ToolSettings & tools, const std::string & thought_start,
                                  const std::vector<std::string> & thought_ends) {
    return build_chat_peg_parser([&](Builder & p) {
        const auto calls = p.trigger_rule("tool-calls", calls_of(p, form, tools));
        const auto text = p.optional(p.content(p.until(start_of(form))));
        return thought_of(p, thought_start, thought_ends) + text + p.optional(calls) + p.end();
    });
}

}  // namespace vserve
