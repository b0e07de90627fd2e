"""pydantic-ai: agents about a picture, with chat completions and at the Responses API."""

import asyncio

from client import IMAGE, MAX_TOKENS, MODEL, QUESTION, Shape, URL, fetched_picture, refused, run
from pydantic_ai import Agent, BinaryContent, ImageUrl, NativeOutput
from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider

SETTINGS = {"temperature": 0, "max_tokens": MAX_TOKENS}
ASKED = [QUESTION, BinaryContent(IMAGE, media_type="image/png")]


def agent(model=OpenAIChatModel, name=MODEL, output=str):
    return Agent(model(name, provider=OpenAIProvider(base_url=URL, api_key="none")), output_type=output, retries=1)


def text():
    result = agent().run_sync(ASKED, model_settings=SETTINGS)

    async def streamed():
        async with agent().run_stream(ASKED, model_settings=SETTINGS) as stream:
            return await stream.get_output()

    assert result.output and asyncio.run(streamed()) == result.output


def picture_by_url():
    asked = [QUESTION, ImageUrl(fetched_picture(), force_download=False)]
    assert agent().run_sync(asked, model_settings=SETTINGS).output


def structured(model, output):
    def check():
        assert isinstance(agent(model, output=output).run_sync(ASKED, model_settings=SETTINGS).output, Shape)

    return check


def error():
    failure = refused(lambda: agent(name="none").run_sync(ASKED, model_settings=SETTINGS), ModelHTTPError)
    assert failure.status_code == 404


run(
    {
        "text, and the same from a stream": text,
        "a picture by its URL": picture_by_url,
        "output by a tool": structured(OpenAIChatModel, Shape),
        "output by a schema": structured(OpenAIChatModel, NativeOutput(Shape)),
        "output by a tool at the Responses API": structured(OpenAIResponsesModel, Shape),
        "an error": error,
    }
)
