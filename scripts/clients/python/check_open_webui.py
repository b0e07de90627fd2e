"""Open WebUI, without a browser, with the server as its OpenAI and as its Ollama: what its pages ask for."""

import os
import socket

import httpx
from client import FOLDER, LookAt, MODEL, ORIGIN, PROGRAMS, URL, messages, run, started

ENV = {
    "DATA_DIR": os.path.join(FOLDER, "data"),
    "WEBUI_AUTH": "False",
    "WEBUI_SECRET_KEY": "none",
    "OPENAI_API_BASE_URL": URL,
    "OPENAI_API_KEY": "none",
    "OLLAMA_BASE_URL": ORIGIN,
    # Its search in documents, by the server's embeddings.
    "RAG_EMBEDDING_ENGINE": "ollama",
    "RAG_EMBEDDING_MODEL": MODEL,
    "RAG_OLLAMA_BASE_URL": ORIGIN,
    "OFFLINE_MODE": "True",
    "HF_HUB_OFFLINE": "1",
    "ANONYMIZED_TELEMETRY": "False",
    "SCARF_NO_ANALYTICS": "True",
    "DO_NOT_TRACK": "True",
}
SHORT = {"temperature": 0, "max_tokens": 40}


def start():
    os.makedirs(ENV["DATA_DIR"])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [os.path.join(PROGRAMS, "open-webui"), "serve", "--host", "127.0.0.1", "--port", str(port)]
    address = f"http://127.0.0.1:{port}"
    started(command, f"{address}/health", ENV)
    client = httpx.Client(base_url=address, timeout=600)
    signed_in = client.post("/api/v1/auths/signin", json={"email": "", "password": ""})
    client.headers["authorization"] = f"Bearer {signed_in.json()['token']}"
    return client


CLIENT = start()


def post(path, body):
    answer = CLIENT.post(path, json=body)
    assert answer.status_code == 200, answer.text[:200]
    return answer


def models():
    ids = [model["id"] for model in CLIENT.get("/api/models").json()["data"]]
    assert any(MODEL in one for one in ids), ids
    assert CLIENT.get("/openai/models").json()["data"][0]["id"] == MODEL
    assert CLIENT.get("/ollama/api/tags").json()["models"][0]["model"].startswith(MODEL)
    assert CLIENT.get("/ollama/api/version").json()["version"]


def openai_chat():
    answer = post("/openai/chat/completions", {"model": MODEL, "messages": messages(), "stream": False, **SHORT})
    assert answer.json()["choices"][0]["message"]["content"]
    body = {"model": MODEL, "messages": messages(), "stream": True, "stream_options": {"include_usage": True}, **SHORT}
    streamed = post("/openai/chat/completions", body).text
    assert '"usage":{' in streamed.replace(" ", "") and streamed.rstrip().endswith("[DONE]")


def ollama_chat():
    image = messages()[0]["content"][1]["image_url"]["url"].split(",")[1]
    asked = [{"role": "user", "content": "What is shown?", "images": [image]}]
    for stream in (False, True):
        answer = post("/ollama/api/chat", {"model": ollama_id(), "messages": asked, "stream": stream})
        assert '"done":true' in answer.text.replace(" ", "")


def ollama_id():
    return CLIENT.get("/ollama/api/tags").json()["models"][0]["model"]


def chat_page():
    """With what its page adds to each request."""
    added = {"params": {}, "features": {"web_search": False}, "variables": {"{{USER_NAME}}": "User"}, "tool_servers": []}
    for model in {MODEL, ollama_id()}:
        answer = post("/api/chat/completions", {"model": model, "messages": messages(), "stream": False, **added})
        assert answer.json()["choices"][0]["message"]["content"] is not None


def title():
    asked = [{"role": "user", "content": "What is shown?"}, {"role": "assistant", "content": "A red square."}]
    answer = post("/api/v1/tasks/title/completions", {"model": MODEL, "messages": asked, "stream": False})
    assert answer.json()["choices"][0]["message"]["content"] is not None


def tools():
    function = {"name": "look_at", "description": "Looks at a place.", "parameters": LookAt.model_json_schema()}
    body = {"tools": [{"type": "function", "function": function}], "tool_choice": "required", "stream": False, **SHORT}
    answer = post("/openai/chat/completions", {"model": MODEL, "messages": messages(), **body})
    assert answer.json()["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "look_at"


def schema():
    schema = {"name": "shape", "schema": LookAt.model_json_schema(), "strict": True}
    body = {"response_format": {"type": "json_schema", "json_schema": schema}, "stream": False, **SHORT}
    answer = post("/openai/chat/completions", {"model": MODEL, "messages": messages(), **body})
    assert LookAt.model_validate_json(answer.json()["choices"][0]["message"]["content"])


def embeddings():
    answer = post("/ollama/api/embed", {"model": ollama_id(), "input": ["a red star"]})
    assert len(answer.json()["embeddings"][0]) > 0


def error():
    answer = CLIENT.post("/openai/chat/completions", json={"model": MODEL, "messages": messages(), "temperature": 9})
    assert answer.status_code == 400 and "temperature" in answer.text, answer.text[:200]


run(
    {
        "the models, and the version": models,
        "chat at its OpenAI side, and a stream": openai_chat,
        "chat at its Ollama side, and a stream": ollama_chat,
        "chat with what its page adds": chat_page,
        "the title of a chat": title,
        "a required call": tools,
        "a schema": schema,
        "embeddings": embeddings,
        "an error": error,
    }
)
