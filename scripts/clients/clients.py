"""OpenAI's Python library, LangChain, instructor and pydantic-ai: schemas and tools, with a picture."""

import sys
from typing import Literal

from pydantic import BaseModel, Field

URL, MODEL, PICTURE = sys.argv[1:4]


class Shape(BaseModel):
    colour: Literal["red", "green"]
    count: int = Field(ge=0, le=9)


class LookAt(BaseModel):
    """Looks at a place."""

    place: Literal["left", "right"]


MESSAGES = [
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "What is shown?"},
            {"type": "image_url", "image_url": {"url": PICTURE}},
        ],
    }
]


def openai_client():
    from openai import OpenAI

    return OpenAI(base_url=URL, api_key="none", max_retries=0)


COMMON = {"model": MODEL, "messages": MESSAGES, "temperature": 0, "max_completion_tokens": 300}


def openai_parse():
    completion = openai_client().chat.completions.parse(**COMMON, response_format=Shape)
    assert isinstance(completion.choices[0].message.parsed, Shape)


def openai_stream():
    with openai_client().chat.completions.stream(**COMMON, response_format=Shape) as stream:
        for _ in stream:
            pass
        assert isinstance(stream.get_final_completion().choices[0].message.parsed, Shape)


def openai_completions():
    completion = openai_client().completions.create(
        model=MODEL, prompt=["A red", "A green"], max_tokens=3, temperature=0, echo=True, logprobs=1
    )
    assert [choice.text[:3] for choice in completion.choices] == ["A r", "A g"]
    for choice in completion.choices:
        assert choice.logprobs.token_logprobs[0] is None
        assert all(logprob <= 0 for logprob in choice.logprobs.token_logprobs[1:] if logprob is not None)


def openai_tools():
    from openai import pydantic_function_tool

    tools = [pydantic_function_tool(LookAt, name="look_at")]
    completion = openai_client().chat.completions.parse(**COMMON, tools=tools, tool_choice="required")
    assert isinstance(completion.choices[0].message.tool_calls[0].function.parsed_arguments, LookAt)


def openai_tools_stream():
    from openai import pydantic_function_tool

    tools = [pydantic_function_tool(LookAt, name="look_at")]
    with openai_client().chat.completions.stream(**COMMON, tools=tools, tool_choice="required") as stream:
        for _ in stream:
            pass
        message = stream.get_final_completion().choices[0].message
    assert isinstance(message.tool_calls[0].function.parsed_arguments, LookAt)


def langchain_model():
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(base_url=URL, api_key="none", model=MODEL, temperature=0, max_tokens=300, max_retries=0)


def langchain_structured(method):
    def check():
        answer = langchain_model().with_structured_output(Shape, method=method).invoke(MESSAGES)
        assert isinstance(answer, Shape)

    return check


def langchain_tools():
    model = langchain_model().bind_tools([LookAt], tool_choice="any")
    answer = model.invoke(MESSAGES)
    assert answer.tool_calls[0]["name"] == "LookAt"


def instructor_mode(mode):
    def check():
        import instructor

        client = instructor.from_openai(openai_client(), mode=instructor.Mode[mode])
        arguments = {**COMMON, "max_tokens": COMMON["max_completion_tokens"]}
        del arguments["max_completion_tokens"]
        answer = client.chat.completions.create(**arguments, response_model=Shape, max_retries=1)
        assert isinstance(answer, Shape)

    return check


def pydantic_ai(output):
    def check():
        import base64

        from pydantic_ai import Agent, BinaryContent, NativeOutput
        from pydantic_ai.models.openai import OpenAIChatModel
        from pydantic_ai.providers.openai import OpenAIProvider

        model = OpenAIChatModel(MODEL, provider=OpenAIProvider(base_url=URL, api_key="none"))
        agent = Agent(model, output_type=NativeOutput(Shape) if output == "native" else Shape, retries=1)
        image = BinaryContent(base64.b64decode(PICTURE.split(",")[1]), media_type="image/png")
        result = agent.run_sync(["What is shown?", image], model_settings={"temperature": 0, "max_tokens": 300})
        assert isinstance(result.output, Shape)

    return check


CHECKS = {
    "openai, parse": openai_parse,
    "openai, parse a stream": openai_stream,
    "openai, completions": openai_completions,
    "openai, a required call": openai_tools,
    "openai, a required call in a stream": openai_tools_stream,
    "langchain, json_schema": langchain_structured("json_schema"),
    "langchain, function_calling": langchain_structured("function_calling"),
    "langchain, bind_tools": langchain_tools,
    "instructor, TOOLS": instructor_mode("TOOLS"),
    "instructor, JSON_SCHEMA": instructor_mode("JSON_SCHEMA"),
    "pydantic-ai, by a tool": pydantic_ai("tool"),
    "pydantic-ai, by a schema": pydantic_ai("native"),
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
