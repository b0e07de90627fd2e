"""LiteLLM's library with its providers for servers of this kind, for OpenAI's, Anthropic's and Ollama's APIs."""

import os

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm
from client import LookAt, MAX_TOKENS, MODEL, ORIGIN, Shape, URL, fetched_picture, messages, refused, run

TOOL = {"type": "function", "function": {"name": "look_at", "parameters": LookAt.model_json_schema()}}
# Ollama's provider has no key, and no /v1.
BASES = {"hosted_vllm": URL, "openai": URL, "anthropic": ORIGIN, "ollama_chat": ORIGIN}


def ask(provider="hosted_vllm", model=MODEL, **settings):
    return litellm.completion(
        model=f"{provider}/{model}",
        api_base=BASES[provider],
        api_key="none",
        temperature=0,
        max_tokens=MAX_TOKENS,
        num_retries=0,
        **{"messages": messages(), **settings},
    )


def completion(provider):
    def check():
        answer = ask(provider)
        text = answer.choices[0].message.content
        streamed = "".join(chunk.choices[0].delta.content or "" for chunk in ask(provider, stream=True))
        assert text and streamed == text and answer.usage.prompt_tokens > 0

    return check


def picture_by_url():
    fetched = ask(messages=messages(fetched_picture()))
    assert fetched.choices[0].message.content == ask().choices[0].message.content


def schema(provider):
    def check():
        Shape.model_validate_json(ask(provider, response_format=Shape).choices[0].message.content)

    return check


def tool(provider):
    def check():
        [call] = ask(provider, tools=[TOOL], tool_choice="required").choices[0].message.tool_calls[:1]
        assert LookAt.model_validate_json(call.function.arguments)

    return check


def responses():
    image = messages()[0]["content"][1]["image_url"]["url"]
    content = [{"type": "input_text", "text": "What is shown?"}, {"type": "input_image", "image_url": image}]
    answer = litellm.responses(
        model=f"openai/{MODEL}",
        api_base=URL,
        api_key="none",
        input=[{"role": "user", "content": content}],
        temperature=0,
        max_output_tokens=MAX_TOKENS,
    )
    assert answer.output[-1].content[0].text


def embedding():
    answer = litellm.embedding(
        model=f"hosted_vllm/{MODEL}", api_base=URL, api_key="none", input=["a red star", "a green square"]
    )
    assert len(answer.data) == 2


def context_error():
    long = [{"role": "user", "content": "a red star " * 20_000}]
    refused(lambda: ask(messages=long), litellm.ContextWindowExceededError)


def error():
    refused(lambda: ask(model="none"), litellm.NotFoundError)


run(
    {
        "hosted_vllm, a completion and a stream": completion("hosted_vllm"),
        "openai, a completion and a stream": completion("openai"),
        "anthropic, a completion and a stream": completion("anthropic"),
        "ollama_chat, a completion and a stream": completion("ollama_chat"),
        "a picture by its URL": picture_by_url,
        "hosted_vllm, a schema": schema("hosted_vllm"),
        "hosted_vllm, a required call": tool("hosted_vllm"),
        "openai, a required call": tool("openai"),
        "anthropic, a required call": tool("anthropic"),
        "responses": responses,
        "embeddings": embedding,
        "a prompt that is too long": context_error,
        "an error": error,
    }
)
