"""`llm` on the command line, with a model of extra-openai-models.yaml: attachments, schemas, tools, conversations."""

import json
import os
import subprocess

from client import FOLDER, IMAGE, MAX_TOKENS, MODEL, PROGRAMS, QUESTION, Shape, URL, fetched_picture, run

USER_PATH = os.path.join(FOLDER, "llm")
os.makedirs(USER_PATH)
ABILITIES = {"vision": True, "supports_schema": True, "supports_tools": True}
PLAIN = {"model_id": "vserve", "model_name": MODEL, "api_base": URL, "api_key_name": "vserve", **ABILITIES}
COMPLETION = {"model_id": "vserve-text", "model_name": MODEL, "api_base": URL, "completion": True}
NONE = {**PLAIN, "model_id": "none", "model_name": "none"}
# YAML's flow style is JSON.
with open(os.path.join(USER_PATH, "extra-openai-models.yaml"), "w") as file:
    json.dump([PLAIN, COMPLETION, NONE], file)
with open(os.path.join(FOLDER, "picture.png"), "wb") as file:
    file.write(IMAGE)
ABOUT_PICTURE = ["-a", "picture.png", QUESTION]


def llm(*arguments, model="vserve"):
    settings = ["-m", model, "--key", "none", "-o", "temperature", "0", "-o", "max_tokens", str(MAX_TOKENS)]
    command = [os.path.join(PROGRAMS, "llm"), "prompt", *settings, *arguments]
    env = {**os.environ, "LLM_USER_PATH": USER_PATH}
    done = subprocess.run(command, cwd=FOLDER, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return done.stdout.strip()


def picture():
    text = llm("--no-stream", *ABOUT_PICTURE)
    assert text and llm(*ABOUT_PICTURE) == text


def picture_by_url():
    assert llm("-a", fetched_picture(), QUESTION) == llm(*ABOUT_PICTURE)


def schema():
    assert Shape.model_validate_json(llm("--schema", json.dumps(Shape.model_json_schema()), *ABOUT_PICTURE))


def tools():
    # Whether it is called is up to the model.
    llm("-T", "llm_time", "--chain-limit", "2", *ABOUT_PICTURE)


def goes_on():
    llm(*ABOUT_PICTURE)
    assert llm("-c", "And what else?") is not None


def completion():
    assert llm("A red", model="vserve-text")


def error():
    try:
        llm(*ABOUT_PICTURE, model="none")
    except RuntimeError as failure:
        assert "not served here" in str(failure), failure
    else:
        raise AssertionError("not refused")


run(
    {
        "an attachment, streamed and not": picture,
        "an attachment by its URL": picture_by_url,
        "a schema": schema,
        "a tool": tools,
        "a conversation that goes on": goes_on,
        "completions": completion,
        "an error": error,
    }
)
