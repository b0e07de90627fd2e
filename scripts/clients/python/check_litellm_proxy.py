"""LiteLLM's proxy in front of the server, asked by OpenAI's library and over Anthropic's API."""

import json
import os
import secrets
import socket

import httpx
from client import FOLDER, LookAt, MAX_TOKENS, MODEL, ORIGIN, PICTURE, PROGRAMS, Shape, URL, messages, refused, run, started
from openai import BadRequestError, NotFoundError, OpenAI, pydantic_function_tool

MODELS = {
    "vserve": {"model": f"hosted_vllm/{MODEL}", "api_base": URL},
    "vserve-openai": {"model": f"openai/{MODEL}", "api_base": URL},
    "vserve-anthropic": {"model": f"anthropic/{MODEL}", "api_base": ORIGIN},
    "vserve-embeddings": {"model": f"hosted_vllm/{MODEL}", "api_base": URL},
    "vserve-none": {"model": "hosted_vllm/none", "api_base": URL},
}
KEY = f"sk-{secrets.token_hex(32)}"
COMMON = {"messages": messages(), "temperature": 0, "max_tokens": MAX_TOKENS}


def start():
    listed = [{"model_name": name, "litellm_params": {"api_key": "none", **params}} for name, params in MODELS.items()]
    config = os.path.join(FOLDER, "config.yaml")
    with open(config, "w") as file:
        settings = {"litellm_settings": {"num_retries": 0}, "general_settings": {"master_key": KEY}}
        json.dump({"model_list": listed, **settings}, file)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [os.path.join(PROGRAMS, "litellm"), "--config", config, "--host", "127.0.0.1", "--port", str(port)]
    address = f"http://127.0.0.1:{port}"
    started(command, f"{address}/health/liveliness", {"LITELLM_LOCAL_MODEL_COST_MAP": "True"})
    return address


ADDRESS = start()
CLIENT = OpenAI(base_url=f"{ADDRESS}/v1", api_key=KEY, max_retries=0)


def chat(name):
    def check():
        text = CLIENT.chat.completions.create(model=name, **COMMON).choices[0].message.content
        stream = CLIENT.chat.completions.create(model=name, **COMMON, stream=True)
        assert text and "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices) == text

    return check


def schema():
    completion = CLIENT.chat.completions.parse(model="vserve", **COMMON, response_format=Shape)
    assert isinstance(completion.choices[0].message.parsed, Shape)


def tool():
    tools = [pydantic_function_tool(LookAt, name="look_at")]
    completion = CLIENT.chat.completions.parse(model="vserve", **COMMON, tools=tools, tool_choice="required")
    assert isinstance(completion.choices[0].message.tool_calls[0].function.parsed_arguments, LookAt)


def anthropic(name):
    def check():
        source = {"type": "base64", "media_type": "image/png", "data": PICTURE.split(",")[1]}
        content = [{"type": "image", "source": source}, {"type": "text", "text": "What is shown?"}]
        body = {"model": name, "max_tokens": MAX_TOKENS, "messages": [{"role": "user", "content": content}]}
        headers = {"x-api-key": KEY, "anthropic-version": "2023-06-01"}
        for stream in (False, True):
            answer = httpx.post(f"{ADDRESS}/v1/messages", json={**body, "stream": stream}, headers=headers, timeout=None)
            assert answer.status_code == 200, answer.text
            assert ("message_stop" in answer.text) == stream

    return check


def responses():
    content = [{"type": "input_text", "text": "What is shown?"}, {"type": "input_image", "image_url": PICTURE}]
    ask = {"model": "vserve-openai", "input": [{"role": "user", "content": content}], "max_output_tokens": MAX_TOKENS}
    assert CLIENT.responses.create(**ask).output_text
    assert list(CLIENT.responses.create(**ask, stream=True))[-1].type == "response.completed"


def embeddings():
    data = CLIENT.embeddings.create(model="vserve-embeddings", input=["a red star", "a green square"]).data
    assert len(data) == 2 and data[1].embedding


def error():
    refused(lambda: CLIENT.chat.completions.create(model="vserve-none", **COMMON), NotFoundError)
    bad = {**COMMON, "messages": [{"role": "user", "content": "a red star " * 20_000}]}
    refused(lambda: CLIENT.chat.completions.create(model="vserve", **bad), BadRequestError)
    # A client's fault must not take the server out of the proxy's rotation.
    chat("vserve")()


run(
    {
        "hosted_vllm, chat and a stream": chat("vserve"),
        "openai, chat and a stream": chat("vserve-openai"),
        "anthropic, chat and a stream": chat("vserve-anthropic"),
        "a schema": schema,
        "a required call": tool,
        "Anthropic's messages, from hosted_vllm": anthropic("vserve"),
        "Anthropic's messages, from openai": anthropic("vserve-openai"),
        "Anthropic's messages, from anthropic": anthropic("vserve-anthropic"),
        "responses": responses,
        "embeddings": embeddings,
        "errors, and a good request after them": error,
    }
)
