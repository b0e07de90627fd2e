"""Writes down what transformers makes of conversations with the chat templates of many models.

For maintainers, after npm run build:ts, with a Python that has transformers 5 and jinja2:

    node dist/test/reference/chat-templates.js |
      python test/reference/render-chat-templates.py test/fixtures/chat-templates

It reads conversations.json there and writes expected.json: the text for each template and conversation, the SHA-256 of a
long one, null where the template refuses the conversation or does not show its tools or images. Texts of a message that
follow one another are joined by a line break where the template would lose some of them, or the white space at their
ends, and tool calls get another form where it would lose them: what a client sends must reach the model whole. For the
same reason an image is text, "<img>" or what the model's other images are, where the template has no place for it.
"""

import hashlib
import json
import re
import sys
from pathlib import Path

from jinja2.sandbox import ImmutableSandboxedEnvironment, SandboxedEnvironment
from transformers.utils.chat_template_utils import render_jinja_template

# Kimi K2's templates append to lists of their own, which transformers' sandbox refuses.
ImmutableSandboxedEnvironment.is_safe_attribute = SandboxedEnvironment.is_safe_attribute

LONGEST_TEXT = 600
ABSENT = object()
TOKENS = {"bos_token": "<bos>", "eos_token": "<eos>"}


def calls_of(message: dict, as_json: bool) -> list:
    return [
        {
            "id": call["id"],
            "type": "function",
            "function": {
                "name": call["name"],
                "arguments": call["arguments"] if as_json else json.loads(call["arguments"]),
            },
        }
        for call in message["toolCalls"]
    ]


def message_of(message: dict, content, as_json: bool) -> dict:
    result = {"role": message["role"]}
    if content is not ABSENT:
        result["content"] = content
    for ours, theirs in {"name": "name", "reasoning": "reasoning_content", "toolCallId": "tool_call_id"}.items():
        if ours in message:
            result[theirs] = message[ours]
    if "toolCalls" in message:
        result["tool_calls"] = calls_of(message, as_json)
    return result


def joined(parts: list) -> list:
    result = []
    for part in parts:
        if result and part["type"] == "text" and result[-1]["type"] == "text":
            result[-1] = {"type": "text", "text": f"{result[-1]['text']}\n{part['text']}"}
        else:
            result.append(part)
    return result


def as_string(content):
    texts = [part.get("text") for part in content]
    return texts[0] if len(texts) == 1 and texts[0] is not None else content


def as_list(content):
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


# As the client sent it, or joined, or with every content in the other form.
CONTENT_FORMS = (
    lambda content: content,
    lambda content: as_string(joined(content)) if isinstance(content, list) else content,
    as_list,
    lambda content: joined(as_list(content)) if isinstance(content, (str, list)) else content,
)


def apart(message: dict) -> list[dict]:
    """An assistant's text, then its calls."""
    if not message.get("toolCalls") or not message.get("content"):
        return [message]
    return [
        {key: value for key, value in message.items() if key != "toolCalls"},
        {"role": message["role"], "content": None, "toolCalls": message["toolCalls"]},
    ]


def emptied(message: dict, empty) -> dict:
    return {**message, "content": empty} if message.get("toolCalls") and not message.get("content") else message


def call_forms(messages: list) -> list[tuple[list, bool]]:
    """With tool calls as the client sent them, then in forms that templates take which lose them so; whether their
    arguments are JSON text."""
    parted = [part for message in messages for part in apart(message)]
    empty = [message.get("content", ABSENT) for message in messages if message.get("toolCalls")]
    contents = ["", None] if "" in empty else [ABSENT, None, ""] if ABSENT in empty else [None, ""]
    forms = [(messages, False)]
    for form in (messages,) if parted == messages else (messages, parted):
        for as_json in (False, True):
            forms += [([emptied(message, content) for message in form], as_json) for content in contents]
    return forms


def tool_of(tool: dict, whole: bool) -> dict:
    """As a client sends it, or with all of its parts."""
    function = {key: tool[key] for key in ("name", "description", "parameters") if tool.get(key)}
    if whole:
        function = {"name": tool["name"], "description": tool.get("description", ""),
                    "parameters": tool.get("parameters", {"type": "object", "properties": {}})}
    return {"type": "function", "function": function}


def render(source: str, conversation: dict, messages: list, convert, as_json: bool) -> str | None:
    for whole in (False, True) if "tools" in conversation else (False,):
        rendered = render_tools(source, conversation, messages, convert, as_json, whole)
        if rendered is not None:
            return rendered
    return None


def render_tools(source: str, conversation: dict, messages: list, convert, as_json: bool, whole: bool) -> str | None:
    messages = [message_of(message, convert(message.get("content", ABSENT)), as_json) for message in messages]
    try:
        rendered, _ = render_jinja_template(
            [messages],
            tools=[tool_of(tool, whole) for tool in conversation["tools"]] if "tools" in conversation else None,
            chat_template=source,
            add_generation_prompt=conversation.get("addGenerationPrompt", True),
            continue_final_message=conversation.get("continueFinalMessage", False),
            **TOKENS,
            **conversation.get("variables", {}),
        )
    except Exception as error:  # templates fail in any way they like
        print(f"  {type(error).__name__}: {error}"[:150], file=sys.stderr)
        return None
    return rendered[0]


def holds_in_order(rendered: str, texts: list[str]) -> bool:
    at = 0
    for i, text in enumerate(texts):
        wanted = text.lstrip() if i == 0 else text
        found = rendered.find(wanted, at)
        if found < 0:
            return False
        at = found + len(wanted)
    return True


def is_whole(rendered: str | None, conversation: dict) -> bool:
    """Whether the parts of each message are there, with the white space between them, and not as a printed list."""
    if rendered is None or re.search(r"'type': '(text|image)'", rendered):
        return False
    for message in conversation["messages"]:
        content = message.get("content") or ""
        if not isinstance(content, str):
            if not holds_in_order(rendered, [part["text"] for part in content if part["type"] == "text"]):
                return False
        elif message["role"] in ("user", "system") and content.strip() not in rendered:
            return False
    return True


def keeps_calls(rendered: str, conversation: dict) -> bool:
    """Whether all calls are there, and no content that is none is printed."""
    names = [call["name"] for message in conversation["messages"] for call in message.get("toolCalls", [])]
    prints_none = re.search(r"[>\n]None[<\n]", rendered)
    return all(name in rendered for name in names) and not prints_none


def expected(source: str, conversation: dict, content_forms: tuple) -> str | None:
    """What the template makes of the first form that it takes whole; failing that, of the first one in which it leaves out
    nothing but tool calls."""
    without_calls = None
    tools = [tool["name"] for tool in conversation.get("tools", [])]
    for messages, as_json in call_forms(conversation["messages"]):
        for convert in content_forms:
            rendered = render(source, conversation, messages, convert, as_json)
            if is_whole(rendered, conversation) and all(tool in rendered for tool in tools):
                if keeps_calls(rendered, conversation):
                    return rendered
                without_calls = without_calls or rendered
    return without_calls


def count_images(conversation: dict) -> int:
    parts = [part for message in conversation["messages"] for part in message.get("content") or [] if isinstance(part, dict)]
    return sum(part["type"] == "image" for part in parts)


def images_as_text(message: dict, slot: str) -> dict:
    content = message.get("content")
    if not isinstance(content, list) or all(part["type"] == "text" for part in content):
        return message
    return {**message, "content": [{"type": "text", "text": part.get("text", slot)} for part in content]}


def in_one_text(message: dict, keeps_parts: bool, slot: str) -> dict:
    """Images in one text with those before and behind them."""
    content = message.get("content")
    if not isinstance(content, list) or all(part["type"] == "text" for part in content):
        return message
    parts = content if keeps_parts else joined(content)
    return {**message, "content": "".join(part.get("text", slot) for part in parts)}


def sets_apart(source: str, conversation: dict) -> bool:
    """Whether a template writes something between the parts of a message that has an image here."""
    messages = []
    pairs = []
    for i, message in enumerate(conversation["messages"]):
        if count_images({"messages": [message]}) > 0:
            texts = [f"before {i}", f"behind {i}"]
            pairs.append("".join(texts))
            message = {**message, "content": [{"type": "text", "text": text} for text in texts]}
        messages.append(message)
    rendered = expected(source, {**conversation, "messages": messages}, CONTENT_FORMS[:1])
    return rendered is not None and not all(pair in rendered for pair in pairs)


def expected_as_text(source: str, conversation: dict, slot: str) -> str | None:
    """With images as text, for a template that has no place for them. An image is no part of its own: nothing comes between it
    and the text round it."""
    messages = conversation["messages"]
    parts = {**conversation, "messages": [images_as_text(message, slot) for message in messages]}
    text = expected(source, parts, CONTENT_FORMS[:1])
    if text is not None and not re.search(r'"type": ?"text"', text) and not sets_apart(source, conversation):
        return text
    one = [in_one_text(message, text is not None, slot) for message in messages]
    return expected(source, {**conversation, "messages": one}, CONTENT_FORMS)


def expected_with_images(template: dict, conversation: dict) -> str | None:
    source, slot = template["source"], template["slot"] or "<img>"
    images = count_images(conversation)
    text = expected(source, conversation, CONTENT_FORMS) if template["slot"] or images == 0 else None
    if images == 0 or (text is not None and text.count(slot) == images):
        return text
    text = expected_as_text(source, conversation, slot)
    return text if text is not None and text.count(slot) == images else None


def shortened(text: str | None) -> str | None:
    if text is None or len(text) <= LONGEST_TEXT:
        return text
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def main(folder: Path) -> None:
    conversations = json.loads((folder / "conversations.json").read_text())
    templates = json.load(sys.stdin)
    result = {}
    for name, template in templates.items():
        print(name, file=sys.stderr)
        result[name] = {}
        for title, conversation in conversations.items():
            result[name][title] = shortened(expected_with_images(template, conversation))
    (folder / "expected.json").write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
