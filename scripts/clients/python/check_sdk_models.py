"""Every field of every answer against the models of OpenAI's, Anthropic's and Ollama's Python libraries.

The libraries build their objects from whatever comes, and only a later access shows that something is missing or of another
type. Here each answer and each event of a stream is validated strictly.
"""

import json

import httpx
from anthropic.types import ErrorResponse, Message, MessageTokensCount, ModelInfo, RawMessageStreamEvent
from client import LookAt, MAX_TOKENS, MODEL, ORIGIN, PICTURE, QUESTION, messages, run
from ollama import ChatResponse, EmbedResponse, GenerateResponse, ListResponse, ProcessResponse, ShowResponse
from openai.types import Completion, CreateEmbeddingResponse, Model
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseItem, ResponseStreamEvent
from openai.types.shared import ErrorObject
from pydantic import TypeAdapter

HTTP = httpx.Client(base_url=ORIGIN, timeout=None)
CHAT = {"model": MODEL, "messages": messages(), "temperature": 0, "max_tokens": MAX_TOKENS}
SCHEMA = LookAt.model_json_schema()
FUNCTION = {"name": "look_at", "description": "Looks at a place.", "parameters": SCHEMA}
CALL = {"tools": [{"type": "function", "function": FUNCTION}], "tool_choice": "required"}
LOG_PROBS = {"logprobs": True, "top_logprobs": 2}
TEXT = {"model": MODEL, "prompt": "A red", "max_tokens": 5, "logprobs": 2}
IMAGE_DATA = PICTURE.split(",")[1]
RESPONSE_INPUT = [
    {"type": "input_text", "text": QUESTION},
    {"type": "input_image", "image_url": PICTURE, "detail": "auto"},
]
RESPONSE = {
    "model": MODEL,
    "input": [{"role": "user", "content": RESPONSE_INPUT}],
    "temperature": 0,
    "max_output_tokens": MAX_TOKENS,
}
RESPONSE_CALL = {"tools": [{"type": "function", "strict": True, **FUNCTION}], "tool_choice": "required"}
RESPONSE_LOG_PROBS = {"include": ["message.output_text.logprobs"], "top_logprobs": 2}
BLOCKS = [
    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": IMAGE_DATA}},
    {"type": "text", "text": QUESTION},
]
MESSAGE = {
    "model": MODEL,
    "messages": [{"role": "user", "content": BLOCKS}],
    "temperature": 0,
    "max_tokens": MAX_TOKENS,
}
MESSAGE_CALL = {"tools": [{"name": "look_at", "input_schema": SCHEMA}], "tool_choice": {"type": "any"}}
OPTIONS = {"temperature": 0, "num_predict": MAX_TOKENS}
OLLAMA_MESSAGES = [{"role": "user", "content": QUESTION, "images": [IMAGE_DATA]}]
OLLAMA_CHAT = {"model": MODEL, "messages": OLLAMA_MESSAGES, "options": OPTIONS, "stream": False}
OLLAMA_PROMPT = {"model": MODEL, "prompt": QUESTION, "images": [IMAGE_DATA], "options": OPTIONS, "stream": False}


def validate(kind, text):
    return TypeAdapter(kind).validate_json(text, strict=True)


def answer(kind, path, body):
    def check():
        response = HTTP.post(path, json=body)
        assert response.status_code == 200, response.text
        validate(kind, response.text)

    return check


def read(kind, path, pick=lambda body: [body]):
    def check():
        response = HTTP.get(path)
        assert response.status_code == 200, response.text
        for one in pick(response.json()):
            validate(kind, json.dumps(one))

    return check


def listed(body):
    assert body["data"]
    return body["data"]


def events(kind, path, body, fewest=3):
    def check():
        count = 0
        with HTTP.stream("POST", path, json={**body, "stream": True}) as response:
            assert response.status_code == 200, response.read()
            for line in response.iter_lines():
                text = line.removeprefix("data: ")
                # Anthropic's library knows pings, and keeps them to itself.
                if text.startswith("{") and text != '{"type":"ping"}':
                    validate(kind, text)
                    count += 1
        assert count >= fewest, f"{count} events"

    return check


def error(kind, path, body, pick=lambda body: body):
    def check():
        response = HTTP.post(path, json=body)
        assert 400 <= response.status_code < 500, response.status_code
        validate(kind, json.dumps(pick(response.json())))

    return check


def stored_items():
    made = HTTP.post("/v1/responses", json={**RESPONSE, **RESPONSE_CALL}).json()
    validate(Response, HTTP.get(f"/v1/responses/{made['id']}").text)
    for item in listed(HTTP.get(f"/v1/responses/{made['id']}/input_items").json()):
        validate(ResponseItem, json.dumps(item))


def model_info():
    headers = {"anthropic-version": "2023-06-01"}
    for one in listed(HTTP.get("/v1/models", headers=headers).json()):
        validate(ModelInfo, json.dumps(one))


def shown():
    validate(ShowResponse, HTTP.post("/api/show", json={"model": MODEL}).text)


def openai_error(path, body):
    return error(ErrorObject, path, body, pick=lambda body: body["error"])


run(
    {
        "chat completions": answer(ChatCompletion, "/v1/chat/completions", {**CHAT, **LOG_PROBS, "n": 2}),
        "chat completions, a call": answer(ChatCompletion, "/v1/chat/completions", {**CHAT, **CALL}),
        "chat completions, a stream": events(
            ChatCompletionChunk,
            "/v1/chat/completions",
            {**CHAT, **LOG_PROBS, "stream_options": {"include_usage": True}},
        ),
        "chat completions, a call in a stream": events(ChatCompletionChunk, "/v1/chat/completions", {**CHAT, **CALL}),
        "completions": answer(Completion, "/v1/completions", TEXT),
        "responses": answer(Response, "/v1/responses", {**RESPONSE, **RESPONSE_LOG_PROBS}),
        "responses, a call": answer(Response, "/v1/responses", {**RESPONSE, **RESPONSE_CALL}),
        "responses, cut": answer(Response, "/v1/responses", {**RESPONSE, "max_output_tokens": 16, "top_p": 0.5}),
        "responses, a stream": events(ResponseStreamEvent, "/v1/responses", {**RESPONSE, **RESPONSE_LOG_PROBS}),
        "responses, a call in a stream": events(ResponseStreamEvent, "/v1/responses", {**RESPONSE, **RESPONSE_CALL}),
        "responses, stored": stored_items,
        "messages": answer(Message, "/v1/messages", MESSAGE),
        "messages, a call": answer(Message, "/v1/messages", {**MESSAGE, **MESSAGE_CALL}),
        "messages, a stream": events(RawMessageStreamEvent, "/v1/messages", MESSAGE),
        "messages, a call in a stream": events(RawMessageStreamEvent, "/v1/messages", {**MESSAGE, **MESSAGE_CALL}),
        "messages, a count": answer(
            MessageTokensCount,
            "/v1/messages/count_tokens",
            {"model": MODEL, "messages": MESSAGE["messages"]},
        ),
        "embeddings": answer(CreateEmbeddingResponse, "/v1/embeddings", {"model": MODEL, "input": ["a", "b"]}),
        "models": read(Model, "/v1/models", listed),
        "models, Anthropic's": model_info,
        "Ollama's chat": answer(ChatResponse, "/api/chat", OLLAMA_CHAT),
        "Ollama's chat, a stream": events(ChatResponse, "/api/chat", OLLAMA_CHAT),
        "Ollama's prompt": answer(GenerateResponse, "/api/generate", OLLAMA_PROMPT),
        "Ollama's prompt, a stream": events(GenerateResponse, "/api/generate", OLLAMA_PROMPT),
        "Ollama's embeddings": answer(EmbedResponse, "/api/embed", {"model": MODEL, "input": ["a", "b"]}),
        "Ollama's tags": read(ListResponse, "/api/tags"),
        "Ollama's ps": read(ProcessResponse, "/api/ps"),
        "Ollama's show": shown,
        "errors of chat completions": openai_error("/v1/chat/completions", {**CHAT, "temperature": 9}),
        "errors of completions": openai_error("/v1/completions", {**TEXT, "suffix": "b"}),
        "errors of responses": openai_error("/v1/responses", {**RESPONSE, "model": "none"}),
        "errors of messages": error(ErrorResponse, "/v1/messages", {**MESSAGE, "max_tokens": 0}),
        "errors of embeddings": openai_error("/v1/embeddings", {"model": MODEL, "input": 5}),
    }
)
