"""Anthropic's Python library, and LiteLLM's provider of it: messages, streams, schemas, tools and counts, with a picture."""

import os
import re
import sys
from typing import Literal

from pydantic import BaseModel

URL, MODEL, PICTURE = sys.argv[1:4]
# The libraries add the version to their paths.
BASE_URL = re.sub(r"/v1/?$", "", URL)


class Shape(BaseModel):
    colour: Literal["red", "green"]
    is_round: bool


IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE.split(",")[1]}}
MESSAGES = [{"role": "user", "content": [IMAGE, {"type": "text", "text": "What is shown?"}]}]
# What decides how tokens are drawn has no parameters of its own there.
COMMON = {"model": MODEL, "messages": MESSAGES, "max_tokens": 300, "extra_body": {"temperature": 0}}
LOOK_AT = {
    "name": "look_at",
    "description": "Looks at a place.",
    "input_schema": {
        "type": "object",
        "properties": {"place": {"enum": ["left", "right"]}},
        "required": ["place"],
        "additionalProperties": False,
    },
}


def client():
    from anthropic import Anthropic

    return Anthropic(base_url=BASE_URL, api_key="none", max_retries=0)


def message_and_stream():
    message = client().messages.create(**COMMON)
    with client().messages.stream(**COMMON) as stream:
        text = "".join(stream.text_stream)
        assert stream.get_final_message().usage.output_tokens == message.usage.output_tokens
    assert text != "" and text == message.content[0].text


def parse():
    assert isinstance(client().messages.parse(**COMMON, output_format=Shape).parsed_output, Shape)


def forced_call():
    message = client().messages.create(**COMMON, tools=[LOOK_AT], tool_choice={"type": "tool", "name": "look_at"})
    call = next(block for block in message.content if block.type == "tool_use")
    assert call.input["place"] in ("left", "right") and message.stop_reason == "tool_use"


def tool_runner():
    from anthropic import beta_tool

    @beta_tool
    def look_at(place: str) -> str:
        """Looks at a place.

        Args:
            place: Where.
        """
        return f"a star on the {place}"

    runner = client().beta.messages.tool_runner(**COMMON, tools=[look_at], max_iterations=2)
    assert runner.until_done().role == "assistant"


def count():
    tokens = client().messages.count_tokens(model=MODEL, messages=MESSAGES).input_tokens
    usage = client().messages.create(**{**COMMON, "max_tokens": 1}).usage
    assert tokens == usage.input_tokens + usage.cache_read_input_tokens


def errors():
    from anthropic import BadRequestError, NotFoundError

    try:
        client().messages.create(**{**COMMON, "max_tokens": 0})
        raise AssertionError("not refused")
    except BadRequestError as error:
        assert error.request_id is not None and error.body["error"]["type"] == "invalid_request_error"
    try:
        client().messages.create(**{**COMMON, "model": "none"})
        raise AssertionError("not refused")
    except NotFoundError:
        pass


OPENAI_MESSAGES = [
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "What is shown?"},
            {"type": "image_url", "image_url": {"url": PICTURE}},
        ],
    }
]


def litellm_completion(stream):
    def check():
        os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
        import litellm

        answer = litellm.completion(
            model=f"anthropic/{MODEL}",
            messages=OPENAI_MESSAGES,
            api_base=BASE_URL,
            api_key="none",
            max_tokens=300,
            temperature=0,
            stream=stream,
        )
        if stream:
            assert "".join(chunk.choices[0].delta.content or "" for chunk in answer) != ""
        else:
            assert answer.choices[0].message.content != "" and answer.usage.prompt_tokens > 0

    return check


CHECKS = {
    "anthropic, a message and the same from a stream": message_and_stream,
    "anthropic, parse": parse,
    "anthropic, a named call": forced_call,
    "anthropic, the runner of tools": tool_runner,
    "anthropic, a count": count,
    "anthropic, errors": errors,
    "litellm": litellm_completion(False),
    "litellm, a stream": litellm_completion(True),
}

failed = False
for name, check in CHECKS.items():
    try:
        check()
        print(f"ok      {name}", flush=True)
    except Exception as error:
        failed = True
        print(f"failed  {name}: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:300], flush=True)
sys.exit(1 if failed else 0)
