"""OpenAI's Agents SDK: an agent with a tool and a schema, about a picture, at the Responses API and with chat completions."""

import asyncio
from typing import Literal

from agents import Agent, ModelSettings, OpenAIProvider, RunConfig, Runner, function_tool
from client import MAX_TOKENS, MODEL, PICTURE, QUESTION, Shape, URL, refused, run
from openai import AsyncOpenAI, NotFoundError

INPUT = [
    {
        "role": "user",
        "content": [
            {"type": "input_text", "text": QUESTION},
            {"type": "input_image", "image_url": PICTURE, "detail": "auto"},
        ],
    }
]


@function_tool
def look_at(place: Literal["left", "right"]) -> str:
    """Looks at a place."""
    return f"a star on the {place}"


def ask(streamed=False, responses=True, model=MODEL):
    async def asked():
        client = AsyncOpenAI(base_url=URL, api_key="none", max_retries=0)
        try:
            return await asked_by(client)
        finally:
            await client.close()

    async def asked_by(client):
        provider = OpenAIProvider(openai_client=client, use_responses=responses)
        config = RunConfig(model_provider=provider, tracing_disabled=True)
        settings = ModelSettings(temperature=0, max_tokens=MAX_TOKENS, tool_choice="required")
        agent = Agent(name="a", model=model, model_settings=settings, tools=[look_at], output_type=Shape)
        if not streamed:
            return await Runner.run(agent, INPUT, run_config=config)
        result = Runner.run_streamed(agent, INPUT, run_config=config)
        async for _ in result.stream_events():
            pass
        return result

    return asyncio.run(asked())


def agent(**how):
    def check():
        result = ask(**how)
        assert isinstance(result.final_output, Shape)
        assert any(item.type == "tool_call_output_item" for item in result.new_items)

    return check


run(
    {
        "a tool and a schema": agent(),
        "a tool and a schema in a stream": agent(streamed=True),
        "with chat completions": agent(responses=False),
        "with chat completions in a stream": agent(responses=False, streamed=True),
        "an error": lambda: refused(lambda: ask(model="none"), NotFoundError),
    }
)
