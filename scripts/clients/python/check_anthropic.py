"""Anthropic's Python library: messages, streams, schemas, tools and counts, with a picture."""

from typing import Literal

from anthropic import Anthropic, BadRequestError, NotFoundError, beta_tool
from client import MAX_TOKENS, MODEL, ORIGIN, PICTURE, QUESTION, fetched_picture, refused, run
from pydantic import BaseModel

CLIENT = Anthropic(base_url=ORIGIN, api_key="none", max_retries=0)


class Shape(BaseModel):
    colour: Literal["red", "green"]
    is_round: bool


def question(source):
    return [{"role": "user", "content": [{"type": "image", "source": source}, {"type": "text", "text": QUESTION}]}]


MESSAGES = question({"type": "base64", "media_type": "image/png", "data": PICTURE.split(",")[1]})
# What decides how tokens are drawn has no parameters of its own there.
COMMON = {"model": MODEL, "messages": MESSAGES, "max_tokens": MAX_TOKENS, "extra_body": {"temperature": 0}}
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


def message_and_stream():
    message = CLIENT.messages.create(**COMMON)
    with CLIENT.messages.stream(**COMMON) as stream:
        text = "".join(stream.text_stream)
        assert stream.get_final_message().usage.output_tokens == message.usage.output_tokens
    assert text != "" and text == message.content[0].text


def picture_by_url():
    fetched = CLIENT.messages.create(**{**COMMON, "messages": question({"type": "url", "url": fetched_picture()})})
    assert fetched.content[0].text == CLIENT.messages.create(**COMMON).content[0].text


def parse():
    assert isinstance(CLIENT.messages.parse(**COMMON, output_format=Shape).parsed_output, Shape)


def forced_call():
    message = CLIENT.messages.create(**COMMON, tools=[LOOK_AT], tool_choice={"type": "tool", "name": "look_at"})
    call = next(block for block in message.content if block.type == "tool_use")
    assert call.input["place"] in ("left", "right") and message.stop_reason == "tool_use"


def tool_runner():
    @beta_tool
    def look_at(place: str) -> str:
        """Looks at a place.

        Args:
            place: Where.
        """
        return f"a star on the {place}"

    runner = CLIENT.beta.messages.tool_runner(**COMMON, tools=[look_at], max_iterations=2)
    assert runner.until_done().role == "assistant"


def count():
    tokens = CLIENT.messages.count_tokens(model=MODEL, messages=MESSAGES).input_tokens
    usage = CLIENT.messages.create(**{**COMMON, "max_tokens": 1}).usage
    assert tokens == usage.input_tokens + usage.cache_read_input_tokens


def models():
    assert CLIENT.models.list().data[0].id == MODEL and CLIENT.models.retrieve(MODEL).type == "model"


def errors():
    bad = refused(lambda: CLIENT.messages.create(**{**COMMON, "max_tokens": 0}), BadRequestError)
    assert bad.request_id is not None and bad.body["error"]["type"] == "invalid_request_error"
    refused(lambda: CLIENT.messages.create(**{**COMMON, "model": "none"}), NotFoundError)


run(
    {
        "a message, and the same from a stream": message_and_stream,
        "a picture by its URL": picture_by_url,
        "parse": parse,
        "a named call": forced_call,
        "the runner of tools": tool_runner,
        "a count": count,
        "models": models,
        "errors": errors,
    }
)
