"""OpenAI's Python library, its Agents SDK and LangChain at the Responses API, with a picture."""

import sys
from typing import Literal

from openai import BadRequestError, OpenAI, pydantic_function_tool
from pydantic import BaseModel, Field

URL, MODEL, PICTURE = sys.argv[1:4]

CLIENT = OpenAI(base_url=URL, api_key="none", max_retries=0)
INPUT = [
    {
        "role": "user",
        "content": [
            {"type": "input_text", "text": "What is shown?"},
            {"type": "input_image", "image_url": PICTURE, "detail": "auto"},
        ],
    }
]
COMMON = {"model": MODEL, "input": INPUT, "temperature": 0, "max_output_tokens": 300}


class Shape(BaseModel):
    colour: Literal["red", "green"]
    count: int = Field(ge=0, le=9)


class LookAt(BaseModel):
    """Looks at a place."""

    place: Literal["left", "right"]


def look_at_tool():
    tool = pydantic_function_tool(LookAt, name="look_at")["function"]
    return {"type": "function", **tool}


def create():
    response = CLIENT.responses.create(**COMMON)
    assert response.output_text and response.usage.input_tokens > 0 and response.status == "completed"
    with CLIENT.responses.stream(**COMMON) as stream:
        for _ in stream:
            pass
        assert stream.get_final_response().output_text == response.output_text


def parse():
    assert isinstance(CLIENT.responses.parse(**COMMON, text_format=Shape).output_parsed, Shape)
    with CLIENT.responses.stream(**COMMON, text_format=Shape) as stream:
        assert isinstance(stream.get_final_response().output_parsed, Shape)


def tools():
    first = CLIENT.responses.create(**COMMON, tools=[look_at_tool()], tool_choice="required")
    calls = [item for item in first.output if item.type == "function_call"]
    results = [
        {
            "type": "function_call_output",
            "call_id": call.call_id,
            "output": [{"type": "input_image", "image_url": PICTURE, "detail": "auto"}],
        }
        for call in calls
    ]
    settings = {**COMMON, "tools": [look_at_tool()], "tool_choice": "none"}
    sent = CLIENT.responses.create(**{**settings, "input": [*INPUT, *first.output, *results]})
    continued = CLIENT.responses.create(**{**settings, "input": results}, previous_response_id=first.id)
    assert sent.output_text == continued.output_text


def stored():
    first = CLIENT.responses.create(**COMMON)
    assert CLIENT.responses.retrieve(first.id).output_text == first.output_text
    assert [item.type for item in CLIENT.responses.input_items.list(first.id)] == ["message"]
    CLIENT.responses.delete(first.id)


def background():
    stream = CLIENT.responses.create(**COMMON, background=True, stream=True)
    *_, last = stream
    assert last.type == "response.completed"
    events = list(CLIENT.responses.retrieve(last.response.id, stream=True, starting_after=3))
    assert events[-1].response.output_text == last.response.output_text


def error():
    try:
        CLIENT.responses.create(**COMMON, extra_body={"conversation": "c"})
    except BadRequestError as refused:
        assert refused.param == "conversation"
    else:
        raise AssertionError("not refused")


def agent(streamed):
    def check():
        import asyncio

        from agents import Agent, ModelSettings, OpenAIProvider, RunConfig, Runner, function_tool
        from openai import AsyncOpenAI

        @function_tool
        def look_at(place: Literal["left", "right"]) -> str:
            """Looks at a place."""
            return f"a star on the {place}"

        async def ask():
            provider = OpenAIProvider(openai_client=AsyncOpenAI(base_url=URL, api_key="none"), use_responses=True)
            config = RunConfig(model_provider=provider, tracing_disabled=True)
            settings = ModelSettings(temperature=0, max_tokens=300, tool_choice="required")
            helper = Agent(name="a", model=MODEL, model_settings=settings, tools=[look_at], output_type=Shape)
            if not streamed:
                return await Runner.run(helper, INPUT, run_config=config)
            result = Runner.run_streamed(helper, INPUT, run_config=config)
            async for _ in result.stream_events():
                pass
            return result

        result = asyncio.run(ask())
        assert isinstance(result.final_output, Shape)
        assert any(item.type == "tool_call_output_item" for item in result.new_items)

    return check


def langchain():
    from langchain_openai import ChatOpenAI

    model = ChatOpenAI(base_url=URL, api_key="none", model=MODEL, temperature=0, max_tokens=300, use_responses_api=True)
    image = {"type": "image_url", "image_url": {"url": PICTURE}}
    messages = [{"role": "user", "content": [{"type": "text", "text": "What is shown?"}, image]}]
    assert model.invoke(messages).text
    assert "".join(chunk.text for chunk in model.stream(messages)) == model.invoke(messages).text
    assert isinstance(model.with_structured_output(Shape).invoke(messages), Shape)


def pydantic_ai():
    import base64

    from pydantic_ai import Agent, BinaryContent
    from pydantic_ai.models.openai import OpenAIResponsesModel
    from pydantic_ai.providers.openai import OpenAIProvider

    model = OpenAIResponsesModel(MODEL, provider=OpenAIProvider(base_url=URL, api_key="none"))
    image = BinaryContent(base64.b64decode(PICTURE.split(",")[1]), media_type="image/png")
    settings = {"temperature": 0, "max_tokens": 300}
    result = Agent(model, output_type=Shape, retries=1).run_sync(["What is shown?", image], model_settings=settings)
    assert isinstance(result.output, Shape)


CHECKS = {
    "openai, streamed and not": create,
    "openai, parse": parse,
    "openai, a call and its result": tools,
    "openai, a stored response": stored,
    "openai, in the background": background,
    "openai, an error": error,
    "agents, a tool and a schema": agent(streamed=False),
    "agents, a tool and a schema in a stream": agent(streamed=True),
    "langchain": langchain,
    "pydantic-ai": pydantic_ai,
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
