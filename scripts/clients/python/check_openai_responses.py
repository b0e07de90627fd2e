"""OpenAI's Python library at the Responses API, with a picture."""

from client import LookAt, MAX_TOKENS, MODEL, PICTURE, QUESTION, Shape, URL, fetched_picture, refused, run
from openai import BadRequestError, OpenAI, pydantic_function_tool

CLIENT = OpenAI(base_url=URL, api_key="none", max_retries=0)


def question(picture):
    image = {"type": "input_image", "image_url": picture, "detail": "auto"}
    return [{"role": "user", "content": [{"type": "input_text", "text": QUESTION}, image]}]


INPUT = question(PICTURE)
COMMON = {"model": MODEL, "input": INPUT, "temperature": 0, "max_output_tokens": MAX_TOKENS}


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


def picture_by_url():
    fetched = CLIENT.responses.create(**{**COMMON, "input": question(fetched_picture())})
    assert fetched.output_text == CLIENT.responses.create(**COMMON).output_text


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
    ask = lambda: CLIENT.responses.create(**COMMON, extra_body={"conversation": "c"})
    assert refused(ask, BadRequestError).param == "conversation"


run(
    {
        "the same, streamed and not": create,
        "a picture by its URL": picture_by_url,
        "parse": parse,
        "a call and its result": tools,
        "a stored response": stored,
        "in the background": background,
        "an error": error,
    }
)
