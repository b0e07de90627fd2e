// Finds out, when a chat template is loaded, in which form it takes messages: whatever a form loses, another may keep.
#include <algorithm>

#include "chat-template.h"

namespace vserve {

// Whether the template renders both words of the probe, with the white space between them.
bool ChatTemplate::keeps(const Rendering & rendering) const {
    try {
        const std::string text = text_of(apply(rendering));
        const size_t first = text.find("quokka ");
        const size_t second = text.find(" wombat", first == std::string::npos ? first : first + 6);
        return first != std::string::npos && second != std::string::npos &&
               text.find("quokka", first + 1) == std::string::npos &&
               text.find("{'type'") == std::string::npos;  // a printed list
    } catch (const std::exception &) {
        return false;
    }
}

// A conversation with a message of this role, and the index of that message.
static std::pair<Conversation, size_t> conversation_for(const std::string & role) {
    const Message user{"user", {{"x", -1}}};
    Message message{role, {{"quokka  wombat", -1}}};
    if (role == "user") {
        return {{{message}}, 0};
    }
    if (role == "system") {
        return {{{message, user}}, 0};
    }
    if (role == "assistant") {
        return {{{user, message, user}}, 1};
    }
    message.name = "x";
    message.tool_call_id = "x";
    return {{{user, {"assistant", {}, {}, {}, {{"x", "x", "{}"}}, {}}, message}}, 2};
}

// Renders small conversations to find the content forms in which the template keeps a role's text intact.
ContentForm ChatTemplate::probe(const std::string & role) {
    auto [conversation, at] = conversation_for(role);
    const auto try_form = [&, &whole = conversation](ContentForm form) {
        return keeps({whole, false, "", role, form});
    };
    ContentForm form;
    form.takes_text = try_form({true, false, false});
    form.takes_parts = try_form({false, true, false});
    conversation.messages[at].parts = {{"quokka ", -1}, {" wombat", -1}};
    form.keeps_parts = try_form({false, true, true});
    if (!form.takes_text && !form.takes_parts) {
        folds_system_ = folds_system_ || role == "system";
        form.takes_text = true;  // the template itself rejects the role
    }
    return form;
}

// How often a missing value is printed: as Python or as JSON would.
static size_t count_none(const std::string & text) {
    size_t count = 0;
    for (const std::string none : {"None", "null"}) {
        for (size_t at = text.find(none); at != std::string::npos; at = text.find(none, at + none.size())) {
            count++;
        }
    }
    return count;
}

// Whether the template renders a tool call in this form, and the text that stands apart from it.
bool ChatTemplate::keeps_calls(const Conversation & conversation, const CallForm & form) const {
    const auto rendered = [&](const CallForm & tried) {
        return text_of(apply({conversation, true, "", "", {}, &tried}));
    };
    const auto holds = [](const std::string & text, const char * word) { return text.find(word) != std::string::npos; };
    try {
        const std::string text = rendered(form);
        const bool is_whole = holds(text, "wombat") && holds(text, "numbat") && (!form.apart || holds(text, "quokka"));
        if (!is_whole || holds(text, "{'numbat'")) {  // a printed object
            return false;
        }
        // GLM and MiniMax print it.
        return !form.content_as_none || count_none(text) == 0 ||
               count_none(text) <= count_none(rendered({false, form.arguments_as_text, form.apart}));
    } catch (const std::exception &) {
        return false;
    }
}

// The first form in which the template keeps tool calls beside this content: while the model uses tools and later, with
// reasoning and without.
CallForm ChatTemplate::probe_calls(const std::vector<MessagePart> & content, std::initializer_list<CallForm> forms) const {
    const Message user{"user", {{"x", -1}}};
    const Message calls{"assistant", content, {}, {}, {{"x", "wombat", R"({"numbat": "numbat"})"}}, {}};
    const Message result{"tool", {{"x", -1}}, "wombat", {}, {}, "x"};
    std::vector<Conversation> conversations;
    for (const bool thinks : {false, true}) {
        Conversation conversation{{user, calls, result}};
        if (thinks) {
            conversation.messages[1].reasoning = "x";
            conversation.settings.variables = R"({"enable_thinking": true, "thinking": true})";
        }
        conversations.push_back(conversation);
        conversation.messages.push_back({"assistant", {{"x", -1}}});
        conversation.messages.push_back(user);
        conversations.push_back(conversation);
    }
    for (const auto & form : forms) {
        if (std::all_of(conversations.begin(), conversations.end(),
                        [&](const auto & conversation) { return keeps_calls(conversation, form); })) {
            return form;
        }
    }
    return {};  // it has no place for them
}

// Whether it shows tools, and with them the calls and the results of earlier turns.
void ChatTemplate::probe_tools() {
    const auto shows = [this](const std::vector<Message> & messages, const char * word) {
        Conversation conversation{messages};
        conversation.tools.tools = {{"dingo", "quoll", R"({"type": "object", "properties": {"bilby": {"type": "string"}}})"}};
        try {
            return text_of(apply({conversation, true, ""})).find(word) != std::string::npos;
        } catch (const std::exception &) {
            return false;
        }
    };
    const Message user{"user", {{"x", -1}}};
    const auto history = [&user](const std::string & id) {
        const Message calls{"assistant", {}, {}, {}, {{id, "wombat", R"({"numbat": "numbat"})"}}, {}};
        return std::vector<Message>{user, calls, {"tool", {{"quokka", -1}}, "wombat", {}, {}, id}};
    };
    const auto shows_all = [&](const std::string & id) {
        return shows(history(id), "numbat") && shows(history(id), "quokka");
    };
    shows_tools_ = shows({user}, "dingo") && shows({user}, "bilby");
    shows_calls_ = shows_all("numbat000");
    shortens_ids_ = shows_calls_ && !shows_all("call_numbat");
}

// Each probe relies on the forms found before it.
void ChatTemplate::probe() {
    for (const char * role : {"user", "assistant", "system", "tool"}) {
        forms_.emplace_back(role, probe(role));
    }
    const CallForm as_given{};
    const CallForm json{false, true, false};
    const CallForm none{true, false, false};
    const CallForm none_json{true, true, false};
    call_forms_.beside_none = probe_calls({}, {none, as_given, none_json, json});
    call_forms_.beside_empty = probe_calls({{"", -1}}, {as_given, json, none, none_json});
    const auto apart = [](CallForm form) { return CallForm{form.content_as_none, form.arguments_as_text, true}; };
    call_forms_.beside_text = probe_calls(
        {{"quokka", -1}}, {as_given, json, apart(none), apart(as_given), apart(none_json), apart(json)});
    forms_.back().second = probe("tool");  // which follows calls
    probe_tools();
}

}  // namespace vserve
