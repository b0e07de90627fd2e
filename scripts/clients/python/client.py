"""What run.mjs tells a client, what most of them are asked, and how the outcome is printed."""

import atexit
import base64
import json
import os
import subprocess
import sys
import time
import urllib.request
from typing import Literal

from pydantic import BaseModel, Field

SETTINGS = json.loads(os.environ["CLIENT_SETTINGS"])
URL = SETTINGS["url"].rstrip("/")
"""Of the API, with its /v1."""
ORIGIN = URL.removesuffix("/v1")
MODEL = SETTINGS["model"]
PICTURE = SETTINGS["picture"]
"""A data URI."""
IMAGE = base64.b64decode(PICTURE.split(",")[1])
"""The same picture: the bytes of a PNG file."""
CHECKPOINT = SETTINGS["checkpoint"]
"""The folder of the embedded model, for its tokenizer."""
FOLDER = SETTINGS["folder"]
"""Of this client alone; it is also the current one."""
PROGRAMS = os.path.dirname(sys.executable)

QUESTION = "What is shown?"
MAX_TOKENS = 300


class Shape(BaseModel):
    colour: Literal["red", "green"]
    count: int = Field(ge=0, le=9)


class LookAt(BaseModel):
    """Looks at a place."""

    place: Literal["left", "right"]


def messages(picture=PICTURE):
    """Chat messages with a question about a picture."""
    image = {"type": "image_url", "image_url": {"url": picture}}
    return [{"role": "user", "content": [{"type": "text", "text": QUESTION}, image]}]


class Skipped(Exception):
    """A case that cannot be tried here; its text says why."""


def fetched_picture():
    """The picture's URL; skips the case where the server cannot fetch it."""
    if "pictureUrl" not in SETTINGS:
        raise Skipped("the server may not fetch from this machine")
    return SETTINGS["pictureUrl"]


def refused(ask, kind=Exception):
    """What `ask` raises."""
    try:
        ask()
    except kind as error:
        return error
    raise AssertionError("not refused")


PROCESSES = []


def started(command, health, env=None):
    """Starts a program of this client, which ends with it, and waits until `health`, a URL, answers."""
    log = open(os.path.join(FOLDER, os.path.basename(command[0]) + ".log"), "w")
    process = subprocess.Popen(command, cwd=FOLDER, env={**os.environ, **(env or {})}, stdout=log, stderr=log)
    PROCESSES.append(process)
    while not answers(health):
        if process.poll() is not None:
            raise RuntimeError(f"{command[0]} ended with {process.returncode}; see {log.name}")
        time.sleep(0.5)


def answers(url):
    try:
        with urllib.request.urlopen(url) as response:
            return response.status == 200
    except OSError:
        return False


@atexit.register
def end_processes():
    while PROCESSES:
        process = PROCESSES.pop()
        process.terminate()
        process.wait()


def run(checks):
    """Runs named checks one after the other, prints a line for each, and ends the process: with 1 if one has failed."""
    failed = False
    for name, check in checks.items():
        try:
            check()
            print(f"ok      {name}", flush=True)
        except Skipped as reason:
            print(f"skipped {name}: {reason}", flush=True)
        except Exception as error:
            failed = True
            text = (str(error).splitlines() or [""])[0]
            print(f"failed  {name}: {type(error).__name__}: {text}"[:400], flush=True)
    end_processes()
    # Threads of the libraries may not end.
    os._exit(1 if failed else 0)
