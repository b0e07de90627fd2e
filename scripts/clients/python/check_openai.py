"""OpenAI's Python library at chat completions, completions and embeddings, with a picture."""

from client import LookAt, MAX_TOKENS, MODEL, Shape, URL, fetched_picture, messages, refused, run
from openai import NotFoundError, OpenAI, pydantic_function_tool

CLIENT = OpenAI(base_url=URL, api_key="none", max_retries=0)
COMMON = {"model": MODEL, "messages": messages(), "temperature": 0, "max_completion_tokens": MAX_TOKENS}
TOOLS = [pydantic_function_tool(LookAt, name="look_at")]


def text_of(**settings):
    return CLIENT.chat.completions.create(**{**COMMON, **settings}).choices[0].message.content


def chat():
    stream = CLIENT.chat.completions.create(**COMMON, stream=True, stream_options={"include_usage": True})
    chunks = list(stream)
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text and text == text_of() and chunks[-1].usage.prompt_tokens > 0


def picture_by_url():
    assert text_of(messages=messages(fetched_picture())) == text_of()


def parse():
    completion = CLIENT.chat.completions.parse(**COMMON, response_format=Shape)
    assert isinstance(completion.choices[0].message.parsed, Shape)


def parse_stream():
    with CLIENT.chat.completions.stream(**COMMON, response_format=Shape) as stream:
        for _ in stream:
            pass
        assert isinstance(stream.get_final_completion().choices[0].message.parsed, Shape)


def completions():
    completion = CLIENT.completions.create(
        model=MODEL, prompt=["A red", "A green"], max_tokens=3, temperature=0, echo=True, logprobs=1
    )
    assert [choice.text[:3] for choice in completion.choices] == ["A r", "A g"]
    for choice in completion.choices:
        assert choice.logprobs.token_logprobs[0] is None
        assert all(logprob <= 0 for logprob in choice.logprobs.token_logprobs[1:] if logprob is not None)


def tools():
    completion = CLIENT.chat.completions.parse(**COMMON, tools=TOOLS, tool_choice="required")
    assert isinstance(completion.choices[0].message.tool_calls[0].function.parsed_arguments, LookAt)


def tools_stream():
    with CLIENT.chat.completions.stream(**COMMON, tools=TOOLS, tool_choice="required") as stream:
        for _ in stream:
            pass
        message = stream.get_final_completion().choices[0].message
    assert isinstance(message.tool_calls[0].function.parsed_arguments, LookAt)


def embeddings():
    # As base64, which is what the library asks for.
    data = CLIENT.embeddings.create(model=MODEL, input=["a red star", "a green square"]).data
    assert len(data) == 2 and all(isinstance(number, float) for number in data[1].embedding)


def models():
    assert CLIENT.models.retrieve(CLIENT.models.list().data[0].id).id == MODEL


def error():
    failure = refused(lambda: text_of(model="none"), NotFoundError)
    assert failure.code == "model_not_found" and failure.param == "model" and failure.request_id


run(
    {
        "a completion, and the same from a stream": chat,
        "a picture by its URL": picture_by_url,
        "parse": parse,
        "parse a stream": parse_stream,
        "completions": completions,
        "a required call": tools,
        "a required call in a stream": tools_stream,
        "embeddings": embeddings,
        "models": models,
        "an error": error,
    }
)
