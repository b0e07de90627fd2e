"""Ollama's Python library: chats and prompts about a picture, schemas, tools, embeddings, and what the model is."""

import asyncio

import ollama
from client import IMAGE, MAX_TOKENS, MODEL, ORIGIN, run
from pydantic import BaseModel

CLIENT = ollama.Client(host=ORIGIN)
OPTIONS = {"temperature": 0, "num_predict": MAX_TOKENS}


class Shape(BaseModel):
    red: bool
    count: int


def look_at(place: str) -> str:
    """Looks at a place.

    Args:
      place: where to look
    """
    return f"a star at {place}"


def messages():
    return [{"role": "user", "content": "What is shown?", "images": [IMAGE]}]


def chat():
    answer = CLIENT.chat(MODEL, messages(), options=OPTIONS)
    assert answer.message.content and answer.done_reason == "stop" and answer.eval_count > 0


def chat_stream():
    whole = CLIENT.chat(MODEL, messages(), options=OPTIONS).message.content
    parts = list(CLIENT.chat(MODEL, messages(), options=OPTIONS, stream=True))
    assert "".join(part.message.content for part in parts) == whole
    assert parts[-1].done and parts[-1].prompt_eval_count > 0


def chat_async():
    async def ask():
        client = ollama.AsyncClient(host=ORIGIN)
        return [part async for part in await client.chat(MODEL, messages(), options=OPTIONS, stream=True)]

    assert asyncio.run(ask())[-1].done


def home_assistant():
    """Its calls: a negative time to keep the model, a context, thinking off."""
    options = {"num_ctx": 512, "temperature": 0}
    parts = list(CLIENT.chat(MODEL, messages(), stream=True, keep_alive="-1s", options=options, think=False))
    assert parts[-1].done


def schema():
    answer = CLIENT.chat(MODEL, messages(), options=OPTIONS, format=Shape.model_json_schema())
    Shape.model_validate_json(answer.message.content)


def tools():
    answer = CLIENT.chat(MODEL, messages(), options=OPTIONS, tools=[look_at])
    call = ollama.Message.ToolCall(function={"name": "look_at", "arguments": {"place": "left"}})
    turns = [
        *messages(),
        ollama.Message(role="assistant", content="", tool_calls=[call]),
        ollama.Message(role="tool", content=look_at("left"), tool_name="look_at"),
    ]
    assert answer.done and CLIENT.chat(MODEL, turns, options=OPTIONS, tools=[look_at]).done


def generate():
    answer = CLIENT.generate(MODEL, "What is shown?", images=[IMAGE], options=OPTIONS)
    parts = list(CLIENT.generate(MODEL, "What is shown?", images=[IMAGE], options=OPTIONS, stream=True))
    assert answer.response == "".join(part.response for part in parts)


def log_probs():
    answer = CLIENT.chat(MODEL, messages(), options=OPTIONS, logprobs=True, top_logprobs=2)
    assert all(len(token.top_logprobs) == 2 for token in answer.logprobs)


def listed():
    [model] = CLIENT.list().models
    assert CLIENT.ps().models[0].model == model.model
    shown = CLIENT.show(model.model)
    assert "vision" in shown.capabilities and shown.modelinfo["general.architecture"]


def embed():
    if "embedding" not in CLIENT.show(MODEL).capabilities:
        return refused(lambda: CLIENT.embed(MODEL, ["a", "b"]), 400)
    assert len(CLIENT.embed(MODEL, ["a", "b"]).embeddings) == 2


def errors():
    refused(lambda: CLIENT.chat("another", messages()), 404)
    refused(lambda: CLIENT.pull("another"), 400)
    refused(lambda: list(CLIENT.generate(MODEL, "a", suffix="b", stream=True)), 400)
    assert CLIENT.pull(MODEL).status == "success"
    assert CLIENT.generate(MODEL).done_reason == "load"


def refused(ask, status):
    try:
        ask()
    except ollama.ResponseError as error:
        assert error.status_code == status and error.error, error
    else:
        raise AssertionError("It was not refused.")


CHECKS = [chat, chat_stream, chat_async, home_assistant, schema, tools, generate, log_probs, listed, embed, errors]

run({check.__name__.replace("_", " "): check for check in CHECKS})
