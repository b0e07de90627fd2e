"""GuideLLM's benchmark: chat completions, completions and responses, with synthetic texts and pictures."""

import json
import os
import subprocess

from client import CHECKPOINT, FOLDER, MODEL, ORIGIN, PROGRAMS, run

REQUESTS = 3
TEXT = "kind=synthetic_text,prompt_tokens=32,output_tokens=8"
PICTURE = "kind=synthetic_image,width=64,height=64,format=png,output_tokens=8"


def benchmark(path, data=TEXT, model=MODEL):
    """What it has measured: its report of one benchmark."""
    report = os.path.join(FOLDER, "report.json")
    if os.path.exists(report):
        os.remove(report)
    options = {
        "--backend": f"kind=openai_http,target={ORIGIN},model={model},request_format={path}",
        "--data": data,
        "--profile": "kind=synchronous",
        "--constraint": f"kind=max_requests,count={REQUESTS}",
        "--tokenizer": f"kind=huggingface_auto,model={CHECKPOINT}",
        "--output": f"kind=json,path={report}",
    }
    command = [os.path.join(PROGRAMS, "guidellm"), "run", "--disable-progress"]
    done = subprocess.run(
        command + [word for option in options.items() for word in option],
        cwd=FOLDER,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
    )
    if not os.path.exists(report):
        raise RuntimeError((done.stderr or done.stdout).strip().splitlines()[-1])
    with open(report) as file:
        [measured] = json.load(file)["benchmarks"]
    return measured


def measured(path, data=TEXT):
    def check():
        requests = benchmark(path, data)["requests"]
        assert len(requests["successful"]) == REQUESTS and not requests["errored"], requests["errored"][:1]
        for request in requests["successful"]:
            # From the usage that the server reports, and the time of its first token.
            assert request["output_metrics"]["text_tokens"] == 8, request["output_metrics"]
            assert request["time_to_first_token_ms"] > 0

    return check


def error():
    assert len(benchmark("/v1/chat/completions", model="none")["requests"]["errored"]) > 0


run(
    {
        "chat completions": measured("/v1/chat/completions"),
        "chat completions with pictures": measured("/v1/chat/completions", PICTURE),
        "completions": measured("/v1/completions"),
        "responses": measured("/v1/responses"),
        "an error": error,
    }
)
