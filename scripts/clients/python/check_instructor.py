"""instructor: a model's fields about a picture, in its modes, and while they are written."""

import instructor
from client import MAX_TOKENS, MODEL, Shape, URL, fetched_picture, messages, refused, run
from openai import OpenAI


def ask(mode="TOOLS", model=MODEL, picture=None, method="create"):
    client = instructor.from_openai(OpenAI(base_url=URL, api_key="none", max_retries=0), mode=instructor.Mode[mode])
    return getattr(client.chat.completions, method)(
        model=model,
        messages=messages() if picture is None else messages(picture),
        temperature=0,
        max_tokens=MAX_TOKENS,
        response_model=Shape,
        max_retries=1,
    )


def mode(name):
    def check():
        assert isinstance(ask(name), Shape)

    return check


def picture_by_url():
    assert isinstance(ask(picture=fetched_picture()), Shape)


def partial():
    *_, last = ask("JSON_SCHEMA", method="create_partial")
    assert last.colour in ("red", "green")


def error():
    assert "not served here" in str(refused(lambda: ask(model="none")))


run(
    {
        "TOOLS": mode("TOOLS"),
        "JSON_SCHEMA": mode("JSON_SCHEMA"),
        "a picture by its URL": picture_by_url,
        "partial, in a stream": partial,
        "an error": error,
    }
)
