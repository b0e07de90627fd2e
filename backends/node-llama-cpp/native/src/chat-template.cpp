#include "chat-template.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <random>
#include <string_view>

#include "error.h"
#include "jinja/lexer.h"
#include "jinja/parser.h"
#include "jinja/runtime.h"
#include "message-value.h"
#include "template-values.h"

namespace vserve {

namespace {

// For models without a template, as in llama.cpp.
constexpr const char * chatml =
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

// Unpredictable, so that no request can contain it.
std::string random_nonce() {
    std::random_device random;
    std::string nonce = "vserve:";
    for (int word = 0; word < 4; word++) {
        char hex[9];
        std::snprintf(hex, sizeof(hex), "%08x", random());
        nonce += hex;
    }
    return nonce + ":";
}

// Extracts the template's own message, or else the error, from llama.cpp's report.
std::string template_reason(const std::string & report) {
    for (const std::string mark : {"Jinja Exception: ", "Error: "}) {
        const size_t begin = report.rfind(mark);
        if (begin != std::string::npos) {
            const std::string reason = report.substr(begin + mark.size());
            return reason.substr(0, reason.find('\n'));
        }
    }
    return report;
}

[[noreturn]] void reject(const std::string & reason) {
    throw EngineError("chat_template_failed", "The model's chat template rejected the conversation: " + reason);
}

// Ends the runs where the last message ends, as transformers' continue_final_message does. `mark` and a space were
// appended to the message; if the space is gone, the template trims messages.
void leave_open(std::vector<Run> & runs, const std::string & mark) {
    const std::string text = text_of(runs);
    size_t end = text.rfind(mark);
    if (end == std::string::npos) {
        reject("it drops the end of the last message, which is to be continued.");
    }
    if (text.compare(end + mark.size(), 1, " ") != 0) {
        while (end > 0 && std::string_view(" \t\r\n\v\f").find(text[end - 1]) != std::string::npos) {
            end--;
        }
    }
    cut_at(runs, end);
}

}  // namespace

ChatTemplate::ChatTemplate(const std::string & source, Variables special_tokens, ImagePlacement placement)
    : special_tokens_(std::move(special_tokens)), placement_(std::move(placement)) {
    try {
        jinja::lexer lexer;
        auto tokens = lexer.tokenize(source);
        source_ = tokens.source;
        program_ = std::make_unique<jinja::program>(jinja::parse_from_tokens(tokens));
    } catch (const std::exception & error) {
        throw EngineError("model_load_failed", std::string("The model's chat template could not be read: ") + error.what());
    }
    writes_slots_ = !placement_.slot.empty() && source.find(placement_.slot) != std::string::npos;
    probe();
}

ChatTemplate::~ChatTemplate() = default;

static ChatTemplate::Variables special_tokens_of(const llama_model * model) {
    const llama_vocab * vocab = llama_model_get_vocab(model);
    ChatTemplate::Variables special_tokens;
    for (const auto & [name, token] : {std::pair("bos_token", llama_vocab_bos(vocab)),
                                       std::pair("eos_token", llama_vocab_eos(vocab)),
                                       std::pair("sep_token", llama_vocab_sep(vocab)),
                                       std::pair("pad_token", llama_vocab_pad(vocab))}) {
        if (token != LLAMA_TOKEN_NULL) {
            special_tokens.emplace_back(name, llama_vocab_get_text(vocab, token));
        }
    }
    return special_tokens;
}

std::unique_ptr<ChatTemplate> ChatTemplate::of_model(const llama_model * model, const std::string & given,
                                                     ImagePlacement placement) {
    const char * source = given.empty() ? llama_model_chat_template(model, nullptr) : given.c_str();
    return std::make_unique<ChatTemplate>(source == nullptr || *source == 0 ? chatml : source, special_tokens_of(model),
                                          std::move(placement));
}

std::unique_ptr<ChatTemplate> ChatTemplate::for_tools(const llama_model * model, const std::string & given,
                                                      ImagePlacement placement) {
    const char * source = given.empty() ? llama_model_chat_template(model, "tool_use") : nullptr;
    if (source == nullptr || *source == 0) {
        return nullptr;
    }
    return std::make_unique<ChatTemplate>(source, special_tokens_of(model), std::move(placement));
}

const ContentForm & ChatTemplate::form_of(const std::string & role) const {
    for (const auto & [name, form] : forms_) {
        if (name == role) {
            return form;
        }
    }
    throw EngineError("invalid_request", "The role " + role + " is not one of system, user, assistant and tool.");
}

std::string ChatTemplate::special_token(const std::string & name) const {
    for (const auto & [key, text] : special_tokens_) {
        if (key == name) {
            return text;
        }
    }
    return "";
}

bool ChatTemplate::shows_tools(const Conversation & conversation) const {
    const auto is_of_tools = [](const Message & message) { return message.role == "tool" || !message.tool_calls.empty(); };
    const auto & messages = conversation.messages;
    return shows_tools_ && (shows_calls_ || std::none_of(messages.begin(), messages.end(), is_of_tools));
}

std::vector<Run> ChatTemplate::apply(const Rendering & rendering) const {
    const auto & tools = rendering.conversation.tools.tools;
    const bool are_whole = std::all_of(tools.begin(), tools.end(), [](const Tool & tool) {
        return !tool.description.empty() && !tool.parameters.empty();
    });
    if (are_whole) {
        return apply_once(rendering);
    }
    try {
        return apply_once(rendering);
    } catch (const EngineError & error) {
        if (error.code != "chat_template_failed") {
            throw;
        }
    }
    Rendering whole = rendering;
    whole.whole_tools = true;
    return apply_once(whole);
}

std::vector<Run> ChatTemplate::apply_once(const Rendering & rendering) const {
    const auto & messages = rendering.conversation.messages;
    const auto & settings = rendering.conversation.settings;
    jinja::context context(source_);
    context.set_val("tools", tools_value(rendering.conversation.tools.tools, rendering.whole_tools));
    context.set_val("documents", jinja::mk_val<jinja::value_none>());
    for (const auto & [name, text] : special_tokens_) {
        context.set_val(name, own_text(text));
    }
    const bool opens_turn = settings.add_generation_prompt && !settings.continue_final_message;
    context.set_val("add_generation_prompt", jinja::mk_val<jinja::value_bool>(opens_turn));
    const auto variables = user_object(settings.variables, "The chat template's variables");
    for (const auto & [name, value] : variables->as_ordered_object()) {
        const std::string key = name->as_string().str();
        if (key == "messages" || (key == "tools" && !rendering.conversation.tools.tools.empty())) {
            throw EngineError("invalid_request", "The chat template's variable " + key + " is reserved for the "
                                                 "conversation.");
        }
        context.set_val(key, value);
    }
    const std::string end = settings.continue_final_message ? rendering.nonce + "end; " : "";
    auto list = jinja::mk_val<jinja::value_array>();
    for (const auto & message : messages) {
        const ContentForm & content =
            message.role == rendering.probed_role ? rendering.probed_form : form_of(message.role);
        const CallForm & calls = rendering.probed_calls ? *rendering.probed_calls : call_forms_.of(message);
        const MessageForm form{content, calls, rendering.images_as_text, rendering.nonce};
        push_message(*list, message, form, &message == &messages.back() ? end : "");
    }
    context.set_val("messages", list);
    std::vector<Run> runs;
    try {
        const auto results = jinja::runtime(context).execute(*program_);
        for (const auto & part : jinja::runtime::gather_string_parts(results)->as_string().parts) {
            runs.push_back({part.val, part.is_input, -1});
        }
    } catch (const std::exception & error) {
        reject(template_reason(error.what()));
    }
    if (settings.continue_final_message) {
        leave_open(runs, rendering.nonce + "end;");
    }
    return runs;
}

// Returns nothing if the template rejects images: it may accept them as text.
std::vector<Run> ChatTemplate::render_typed(const Conversation & conversation, const std::string & nonce) const {
    try {
        return apply({conversation, false, nonce});
    } catch (const EngineError & error) {
        if (error.code != "chat_template_failed") {
            throw;
        }
        return {};
    }
}

// Conversations of the shapes that `probe` tried: a system message, then users and the assistant in turns.
bool ChatTemplate::was_probed(const std::vector<Message> & messages) const {
    const size_t first = !messages.empty() && messages[0].role == "system" ? 1 : 0;
    for (size_t i = first; i < messages.size(); i++) {
        const bool is_turn = messages[i].role == ((i - first) % 2 == 0 ? "user" : "assistant");
        if (!is_turn || !messages[i].tool_calls.empty()) {
            return false;
        }
    }
    return true;
}

static bool has_system_message(const std::vector<Message> & messages) {
    return std::any_of(messages.begin(), messages.end(), [](const auto & message) { return message.role == "system"; });
}

// A template can skip messages by their role or their place, without a word. What it makes of texts (trimmed, as JSON, cut
// at a tag) cannot be compared with them, so it renders the conversation again, with a word of its own in each message.
// Folded conversations have lost the numbers of the request's messages.
void ChatTemplate::check_kept(const Conversation & conversation, bool is_folded) const {
    const auto name_of = [is_folded](size_t index) {
        return is_folded ? std::string("a message") : "messages[" + std::to_string(index) + "]";
    };
    const auto word_of = [](size_t index) { return "quokka" + std::to_string(index) + "x"; };
    Conversation words = conversation;
    words.settings.continue_final_message = false;
    for (size_t i = 0; i < words.messages.size(); i++) {
        Message & message = words.messages[i];
        if (!message.parts.empty()) {
            message.parts = {{has_text(message) ? message.tool_calls.empty() ? word_of(i) : "x" : "", -1}};
        }
        message.reasoning.reset();
        for (auto & call : message.tool_calls) {
            call.name = word_of(i);
            call.arguments = "{\"" + word_of(i) + "\": \"" + word_of(i) + "\"}";
        }
    }
    std::string text;
    try {
        text = text_of(apply({words, true, ""}));
    } catch (const EngineError &) {
        return;  // it wants something of the texts
    }
    size_t at = 0;  // the words come in order, but for few templates
    for (size_t i = 0; i < words.messages.size(); i++) {
        const Message & message = conversation.messages[i];
        const bool calls_tools = !message.tool_calls.empty();
        if (!calls_tools && !has_text(message)) {
            continue;
        }
        const size_t next = text.find(word_of(i), at);
        at = next == std::string::npos ? text.find(word_of(i)) : next;
        if (at == std::string::npos) {
            throw EngineError("chat_template_failed",
                              "The model's chat template leaves out " + name_of(i) +
                                  (calls_tools ? ".tool_calls: it has no place for them there. Send tool calls and "
                                                 "results to this model as text."
                                               : ", of the role " + message.role + ": the model would not see it."));
        }
    }
}

std::vector<Run> ChatTemplate::render(const Conversation & given, size_t n_images) const {
    Conversation conversation = given;
    if (shortens_ids_) {
        shorten_call_ids(conversation.messages);
    }
    if (folds_system_ && has_system_message(conversation.messages)) {
        conversation.messages = fold_system_messages(conversation.messages);
        return render_kept(conversation, n_images, true);
    }
    return render_kept(conversation, n_images, false);
}

std::vector<Run> ChatTemplate::render_kept(const Conversation & conversation, size_t n_images, bool is_folded) const {
    auto runs = render_as_given(conversation, n_images);
    if (!was_probed(conversation.messages)) {
        check_kept(conversation, is_folded);
    }
    return runs;
}

std::vector<Run> ChatTemplate::render_as_given(const Conversation & conversation, size_t n_images) const {
    const std::string nonce = random_nonce();
    // Templates that support images receive them: the text around an image can depend on it (SmolVLM writes no space
    // between "User:" and an image).
    if (n_images > 0 && writes_slots_) {
        auto runs = render_typed(conversation, nonce);
        const std::string & slot = placement_.slot;
        const size_t n_slots = put_images(runs, false, [&slot](const std::string & text, size_t from, size_t) {
            return std::pair(text.find(slot, from), slot.size());
        });
        if (n_slots == n_images) {
            return surround_images(runs, placement_);
        }
    }
    // Marks in the text pass through any template.
    auto runs = apply({conversation, true, nonce});
    const size_t n_marks = put_images(runs, true, [&nonce](const std::string & text, size_t from, size_t index) {
        const std::string mark = image_mark(nonce, index);
        return std::pair(text.find(mark, from), mark.size());
    });
    if (n_marks != n_images || text_of(runs).find(nonce) != std::string::npos) {
        throw EngineError("chat_template_failed", "The model's chat template dropped, repeated or reordered an image "
                                                  "of the conversation: it may accept images in user messages only.");
    }
    return surround_images(runs, placement_.without_template());
}

}  // namespace vserve
