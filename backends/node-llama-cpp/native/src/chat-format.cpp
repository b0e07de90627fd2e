#include "chat-format.h"

#include <algorithm>
#include <variant>

#include "chat-parser.h"
#include "error.h"
#include "grammar-lines.h"
#include "json-schema-to-grammar.h"  // llama.cpp's
#include "own-calls.h"
#include "schema-calls.h"
#include "schema-grammar.h"
#include "tagged-arguments.h"
#include "tagged-calls.h"
#include "tool-envelope.h"
#include "tool-grammar.h"

namespace vserve {

namespace {

// Of requests whose tools and settings are those of an earlier one.
constexpr size_t most_recent_bytes = 16 << 20;

bool contains(const std::string & text, const std::string & part) {
    return text.find(part) != std::string::npos;
}

bool ends_with(const std::string & text, const std::string & end) {
    return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

std::string trimmed(const std::string & text) {
    const size_t begin = text.find_first_not_of(" \t\r\n");
    return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin);
}

// The tools that an answer may call: none, all, or the one that is asked for.
std::vector<Tool> callable(const ToolSettings & tools) {
    if (tools.choice == ToolSettings::Choice::none) {
        return {};
    }
    std::vector<Tool> result;
    for (const Tool & tool : tools.tools) {
        if (tools.only.empty() || tool.name == tools.only) {
            result.push_back(tool);
        }
    }
    return result;
}

bool must_call(const ToolSettings & tools) {
    return tools.choice == ToolSettings::Choice::required || !tools.only.empty();
}

common_json variables_of(const TemplateSettings & settings) {
    const common_json variables = common_json::parse_no_throw(settings.variables);
    return variables.is_discarded() || !variables.is_object() ? common_json::object() : variables;
}

// What the turn of an answer begins with, before the thoughts.
std::string head_of(const std::string & opening, const std::string & thought_start) {
    const size_t thought = thought_start.empty() ? std::string::npos : opening.find(thought_start);
    return trimmed(opening.substr(0, thought));
}

std::string name_of(const std::string & key, const Tool & tool) {
    return key + tool.name + '\0' + tool.description + '\0' + tool.parameters + '\0';
}

}  // namespace

struct ChatFormat::Compiled {
    std::shared_ptr<const AnswerSyntax> syntax;
    std::string opening;        // what an answer's turn begins with
    bool has_own_opening = false;  // the syntax knows none of it but the thoughts
    std::vector<std::string> spoken;
    std::vector<std::string> stops;
    std::string grammar;
    bool grammar_waits = false;
    bool grammar_has_turn = false;
    std::vector<std::string> words;
    std::vector<std::string> patterns;

    size_t bytes() const { return grammar.size() + (syntax ? syntax->bytes() : 0) + sizeof(*this); }
};

ChatFormat::ChatFormat(const ChatTemplate & rendering) : rendering_(rendering) {
    try {
        templates_ = common_chat_templates_init(nullptr, rendering.source(), rendering.special_token("bos_token"),
                                                rendering.special_token("eos_token"));
        common_chat_templates_inputs inputs;
        inputs.messages.emplace_back();
        inputs.messages.back().role = "user";
        inputs.messages.back().content = "x";
        inputs.reasoning_format = COMMON_REASONING_FORMAT_DEEPSEEK;
        const auto params = common_chat_templates_apply(templates_.get(), inputs);
        if (params.supports_thinking && !params.thinking_end_tags.empty() && contains(rendering.source(), "think")) {
            thought_start_ = trimmed(params.thinking_start_tag);
            thought_ends_ = params.thinking_end_tags;
        }
        string_quote_ = params.format == COMMON_CHAT_FORMAT_PEG_GEMMA4 ? gemma_quote : "";
        calls_in_parallel_ = common_chat_templates_get_caps(templates_.get())["supports_parallel_tool_calls"];
    } catch (const std::exception &) {
        templates_.reset();
    }
    if (thought_start_.empty()) {
        thought_ends_.clear();
    }
    find_calls();
}

ChatFormat::~ChatFormat() = default;

// Reads a call that the template itself has written. One that writes none, but shows tools, is taken at its word.
bool ChatFormat::reads_own_calls() const {
    const Tool tool{"dingo", "quoll", R"({"type": "object", "properties": {"bilby": {"type": "string"}}})"};
    const Message user{"user", {{"x", -1}}};
    const ToolCall call{"numbat000", tool.name, R"({"bilby": "wombat"})"};
    const auto rendered = [&](const std::vector<Message> & messages, bool opens_turn) {
        Conversation conversation{messages};
        conversation.tools.tools = {tool};
        conversation.settings.add_generation_prompt = opens_turn;
        return text_of(rendering_.render(conversation, 0));
    };
    const auto after = [](const std::string & text, const std::string & before) {
        const auto [end, _] = std::mismatch(text.begin(), text.end(), before.begin(), before.end());
        return text.substr(end - text.begin());
    };
    try {
        Conversation conversation{{user}};
        conversation.tools.tools = {tool};
        const Compiled compiled = compile_own(conversation, true);
        const std::string history = rendered({user}, false);
        const std::string answered = rendered({user, {"assistant", {{"quokka", -1}}}}, false);
        const std::string end = answered.substr(answered.find("quokka") + 6);
        std::string turn;
        try {
            turn = after(rendered({user, {"assistant", {}, {}, {}, {call}, {}}}, false), history);
        } catch (const EngineError &) {  // it has no place for calls
        }
        if (ends_with(turn, end)) {
            turn.resize(turn.size() - end.size());
        }
        if (!contains(turn, "wombat")) {
            return !compiled.grammar.empty();
        }
        const size_t start = turn.find(compiled.words.empty() ? "{" : trimmed(compiled.words.front()));
        if (compiled.syntax == nullptr || start == std::string::npos) {
            return false;
        }
        const std::string opening = compiled.has_own_opening ? "" : compiled.opening;
        const std::string closed = contains(opening, thought_start_) && !thought_start_.empty()
                                       ? opening + thought_ends_.front() : opening;
        for (const std::string & text : {closed + turn.substr(start), turn}) {
            const auto message = compiled.syntax->parse(text);
            if (message && message->tool_calls.size() == 1 && message->tool_calls[0].name == tool.name &&
                contains(message->tool_calls[0].arguments, "wombat")) {
                return true;
            }
        }
    } catch (const std::exception &) {
    }
    return false;
}

// The template's own form, where the calls that it writes can be read.
void ChatFormat::find_calls() {
    const std::string & source = rendering_.source();
    own_calls_ = OwnCalls::none;
    has_own_calls_ = templates_ != nullptr;  // try
    has_own_calls_ = has_own_calls_ && reads_own_calls();
    if (!has_own_calls_ && contains(source, "[TOOL_CALLS]") && contains(source, "[ARGS]")) {
        own_calls_ = OwnCalls::mistral;
        has_own_calls_ = true;
    } else if (!has_own_calls_ && contains(source, "<|tool_call|>")) {
        own_calls_ = OwnCalls::granite;
        has_own_calls_ = true;
    }
}

bool ChatFormat::uses_envelope(const Conversation & conversation) const {
    return !conversation.tools.tools.empty() && !(has_own_calls_ && rendering_.shows_tools(conversation));
}

Conversation ChatFormat::prepared(const Conversation & conversation) const {
    return uses_envelope(conversation) ? in_envelope(conversation) : conversation;
}

AnswerPlan ChatFormat::plan(const Conversation & conversation, const std::vector<Run> & runs) const {
    AnswerPlan plan;
    if (!thinks() && callable(conversation.tools).empty()) {
        return plan;
    }
    const std::string prompt = text_of(runs);
    const auto variables = variables_of(conversation.settings);
    const bool is_given = variables.contains("enable_thinking") && variables.at("enable_thinking").is_boolean();
    CompiledPtr found = compiled(conversation, !is_given || variables.at("enable_thinking").get<bool>());
    if (!is_given && !ends_with(prompt, found->opening)) {
        const CompiledPtr other = compiled(conversation, false);
        found = ends_with(prompt, other->opening) ? other : found;
    }
    plan.opening = opening_in(prompt, *found, conversation.settings);
    plan.syntax = found->syntax;
    plan.thoughts_apart = conversation.reasoning.is_apart;
    plan.thought_start = thought_start_;
    plan.thought_ends = thought_ends_;
    plan.spoken = found->spoken;
    plan.stops = found->stops;
    plan.grammar = found->grammar;
    plan.grammar_waits = found->grammar_waits;
    plan.grammar_has_turn = found->grammar_has_turn;
    plan.trigger_words = found->words;
    plan.trigger_patterns = found->patterns;
    if (plan.syntax != nullptr) {
        plan.is_thinking = ChatParser(plan).is_thinking();
        const auto indented = plan.syntax->parse(plan.opening + "\n" + thought_start_ + "x");
        plan.may_indent = thinks() && indented && !indented->reasoning_content.empty();
    }
    return plan;
}

// What the prompt has of the answer's turn.
std::string ChatFormat::opening_in(const std::string & prompt, const Compiled & compiled,
                                   const TemplateSettings & settings) const {
    const std::string head = head_of(compiled.opening, thought_start_);
    std::string opening = head;
    if (settings.continue_final_message) {
        const size_t at = head.empty() ? std::string::npos : prompt.rfind(head);
        opening = at == std::string::npos ? head : prompt.substr(at);
    } else if (ends_with(prompt, compiled.opening)) {
        opening = compiled.opening;
    } else if (compiled.syntax != nullptr && !compiled.syntax->parse(head + thought_start_ + "x")) {
        // It wants the white space behind it, too.
        const size_t at = head.empty() ? std::string::npos : prompt.rfind(head);
        const std::string end = at == std::string::npos ? "" : prompt.substr(at);
        opening = trimmed(end) == head ? end : head;
    }
    return compiled.has_own_opening ? trimmed(opening.substr(head.size())) : opening;
}

ChatFormat::CompiledPtr ChatFormat::compiled(const Conversation & conversation, bool enable_thinking) const {
    const ToolSettings & tools = conversation.tools;
    std::string key = conversation.settings.variables + '\0' + (enable_thinking ? 't' : 'f') +
                      (must_call(tools) ? 'r' : 'a') + (tools.parallel.value_or(calls_in_parallel_) ? 'p' : 's') +
                      (uses_envelope(conversation) ? 'e' : 'o');
    for (const Tool & tool : callable(tools)) {
        key = name_of(key, tool);
    }
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        const auto found = std::find_if(recent_.begin(), recent_.end(), [&](const auto & entry) { return entry.first == key; });
        if (found != recent_.end()) {
            recent_.splice(recent_.begin(), recent_, found);
            return recent_.front().second;
        }
    }
    const CompiledPtr made = compile(conversation, enable_thinking);
    const std::lock_guard<std::mutex> lock(mutex_);
    recent_bytes_ += made->bytes() + key.size();
    recent_.emplace_front(std::move(key), made);
    while (recent_bytes_ > most_recent_bytes && recent_.size() > 1) {
        recent_bytes_ -= recent_.back().second->bytes() + recent_.back().first.size();
        recent_.pop_back();
    }
    return made;
}

ChatFormat::CompiledPtr ChatFormat::compile(const Conversation & conversation, bool enable_thinking) const {
    try {
        return std::make_shared<const Compiled>(compile_own(conversation, enable_thinking));
    } catch (const EngineError &) {
        throw;
    } catch (const std::exception & error) {
        throw EngineError("invalid_request", std::string("The tools cannot be used: ") + error.what());
    }
}

// What llama.cpp's converter has no words for.
static void add_rules(std::string & grammar, const std::vector<Tool> & tools) {
    bool has_own = false;
    for (const Tool & tool : tools) {
        // Each takes a pass over all of it.
        const bool adds = !tool.schema.empty() && (!has_own || !tool.rules.empty());
        if (!grammar.empty() && adds) {
            grammar = with_rules(grammar, tool.rules);
            has_own = true;
        }
    }
}

// White space that goes on and on is no call: one character of it has to do.
static void bound_spaces(std::string & grammar) {
    GrammarLines lines(grammar);
    std::string * space = lines.body_of("space");
    if (space != nullptr) {
        *space = "(\" \" | \"\\n\")?";
        grammar = lines.text();
    }
}

static common_chat_templates_inputs inputs_of(const Conversation & conversation, const std::vector<Tool> & tools,
                                              bool enable_thinking, bool in_parallel) {
    common_chat_templates_inputs inputs;
    inputs.messages.emplace_back();
    inputs.messages.back().role = "user";
    inputs.messages.back().content = "x";
    inputs.reasoning_format = COMMON_REASONING_FORMAT_DEEPSEEK;
    inputs.enable_thinking = enable_thinking;
    inputs.parallel_tool_calls = in_parallel;
    const auto variables = variables_of(conversation.settings);
    for (const auto & [name, value] : variables.items()) {
        if (name != "messages" && name != "tools") {
            inputs.chat_template_kwargs[name] = value.dump();
        }
    }
    for (const Tool & tool : tools) {
        inputs.tools.push_back({tool.name, tool.description, tool.parameters.empty() ? "{}" : tool.parameters});
    }
    inputs.tool_choice =
        must_call(conversation.tools) ? COMMON_CHAT_TOOL_CHOICE_REQUIRED : COMMON_CHAT_TOOL_CHOICE_AUTO;
    return inputs;
}

ChatFormat::Compiled ChatFormat::compile_own(const Conversation & conversation, bool enable_thinking) const {
    const auto tools = callable(conversation.tools);
    const bool in_parallel = conversation.tools.parallel.value_or(calls_in_parallel_);
    const OwnCalls form = tools.empty() ? OwnCalls::none : uses_envelope(conversation) ? OwnCalls::envelope : own_calls_;
    Compiled compiled;
    if (form != OwnCalls::none) {
        if (templates_ != nullptr) {
            compiled.opening = common_chat_templates_apply(
                templates_.get(), inputs_of(conversation, {}, enable_thinking, in_parallel)).generation_prompt;
        }
        ToolSettings settings = conversation.tools;
        settings.tools = tools;
        settings.parallel = conversation.tools.parallel.value_or(true);
        const auto parser = own_calls_parser(form, settings, thought_start_, thought_ends_);
        compiled.has_own_opening = true;
        compiled.grammar = build_grammar([&](const common_grammar_builder & builder) { parser.build_grammar(builder, true); });
        add_rules(compiled.grammar, tools);
        if (must_call(conversation.tools)) {
            bound_spaces(compiled.grammar);
        }
        compiled.grammar_waits = !must_call(conversation.tools);
        compiled.words = {start_of(form)};
        std::vector<std::string> tags = thought_ends_;
        tags.push_back(thought_start_);
        compiled.spoken = tags;
        for (const std::string tag : {"[TOOL_CALLS]", "[CALL_ID]", "[ARGS]", envelope_start, envelope_end, "<|tool_call|>"}) {
            compiled.spoken.push_back(tag);
        }
        compiled.syntax = std::make_shared<const AnswerSyntax>(parser, COMMON_CHAT_FORMAT_PEG_NATIVE, tags);
        return compiled;
    }
    auto inputs = inputs_of(conversation, tools, enable_thinking, in_parallel);
    const auto params = common_chat_templates_apply(templates_.get(), inputs);
    common_peg_arena parser;
    parser.load(params.parser);
    compiled.opening = params.generation_prompt;
    std::vector<std::string> tags = thought_ends_;
    tags.push_back(thought_start_);
    for (const auto & trigger : params.grammar_triggers) {
        (trigger.type == COMMON_GRAMMAR_TRIGGER_TYPE_WORD ? compiled.words : compiled.patterns).push_back(trigger.value);
    }
    compiled.spoken = params.preserved_tokens;
    compiled.stops = params.additional_stops;
    compiled.spoken.insert(compiled.spoken.end(), tags.begin(), tags.end());
    compiled.spoken.insert(compiled.spoken.end(), compiled.words.begin(), compiled.words.end());
    for (size_t id = 0; id < parser.size(); id++) {
        if (const auto * literal = std::get_if<common_peg_literal_parser>(&parser.get(id))) {
            compiled.spoken.push_back(literal->literal);
        }
    }
    const auto syntax = std::make_shared<AnswerSyntax>(parser, params.format, tags);
    if (thinks()) {
        const std::string head = compiled.opening.substr(0, compiled.opening.find(thought_start_));
        syntax->allow_no_thoughts(head, thought_start_, thought_ends_.front());
    }
    compiled.syntax = syntax;
    if (!tools.empty()) {
        add_grammar(compiled, tools, params, parser, inputs);
        add_rules(compiled.grammar, tools);
        if (must_call(conversation.tools)) {
            bound_spaces(compiled.grammar);
        }
    }
    return compiled;
}

static void use_schemas(common_chat_templates_inputs & inputs, const std::vector<Tool> & tools) {
    for (size_t i = 0; i < tools.size(); i++) {
        if (!tools[i].schema.empty()) {
            inputs.tools[i].parameters = tools[i].schema;
        }
    }
}

// Thoughts end the turn of some models, and calls then begin with another.
static std::string with_turn_again(const std::string & calls, const std::string & opening) {
    GrammarLines lines(calls);
    std::string * root = lines.body_of("root");
    if (root != nullptr) {
        *root = gbnf_literal(trimmed(opening)) + "? " + *root;
    }
    return lines.text();
}

void ChatFormat::add_grammar(Compiled & compiled, const std::vector<Tool> & tools, const common_chat_params & params,
                             const common_peg_arena & parser, common_chat_templates_inputs inputs) const {
    const bool must_call = inputs.tool_choice == COMMON_CHAT_TOOL_CHOICE_REQUIRED;
    compiled.grammar_waits = !must_call;
    if (!compiled.patterns.empty()) {
        // Calls are not of one piece there: what llama.cpp makes of the whole answer, but for a text before them.
        use_schemas(inputs, tools);
        compiled.grammar = common_chat_templates_apply(templates_.get(), inputs).grammar;
        const std::string calls = must_call ? grammar_of_calls(compiled.grammar, parser, inputs.parallel_tool_calls) : "";
        compiled.grammar_has_turn = must_call && calls.empty();
        if (!calls.empty()) {
            compiled.grammar = thinks() ? with_turn_again(calls, compiled.opening) : calls;
        }
        return;
    }
    if (params.format == COMMON_CHAT_FORMAT_PEG_GEMMA4) {
        compiled.grammar = gemma_calls_grammar(tools, inputs.parallel_tool_calls);
        return;
    }
    if (contains(params.grammar, "python-string")) {
        compiled.grammar = python_calls_grammar(tools, inputs.parallel_tool_calls);
        return;
    }
    compiled.grammar = tagged_calls_grammar(params.grammar, tools, inputs.parallel_tool_calls);
    if (!compiled.grammar.empty()) {
        return;
    }
    const bool has_tag = params.grammar_lazy && !params.grammar.empty();
    if (!must_call && !has_tag) {
        // Without a tag before them, calls are JSON that begins the answer.
        compiled.patterns = {"^\\s*(\\{\\s*\"(?:name|type|function)\")"};
    }
    inputs.tool_choice = COMMON_CHAT_TOOL_CHOICE_REQUIRED;  // the grammar is of calls, of which there are some
    const bool is_json = contains(params.grammar, "-schema ::= ") && !contains(params.grammar, "-arg-");
    if (is_json) {
        use_schemas(inputs, tools);
    } else {
        for (size_t i = 0; i < tools.size(); i++) {
            inputs.tools[i].parameters = parameters_between_tags(tools[i]);
        }
    }
    compiled.grammar = grammar_of_calls(common_chat_templates_apply(templates_.get(), inputs).grammar, parser,
                                        inputs.parallel_tool_calls);
    compiled.grammar = hold_tagged_arguments(compiled.grammar, parser, tools);
}

}  // namespace vserve
