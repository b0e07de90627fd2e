"""LlamaIndex with its class for servers like this one: chats about a picture, schemas, tools, completions, embeddings."""

from typing import Literal

from client import FOLDER, IMAGE, MAX_TOKENS, MODEL, QUESTION, Shape, URL, fetched_picture, refused, run
from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock
from llama_index.core.tools import FunctionTool
from llama_index.embeddings.openai_like import OpenAILikeEmbedding
from llama_index.llms.openai_like import OpenAILike
from openai import NotFoundError


def llm(**settings):
    common = {"api_base": URL, "api_key": "none", "model": MODEL, "temperature": 0, "max_tokens": MAX_TOKENS}
    chat = {"is_chat_model": True, "is_function_calling_model": True, "context_window": 2048, "max_retries": 0}
    return OpenAILike(**{**common, **chat, **settings})


def asked(**image):
    return [ChatMessage(role="user", blocks=[TextBlock(text=QUESTION), ImageBlock(**(image or {"image": IMAGE}))])]


def look_at(place: Literal["left", "right"]) -> str:
    """Looks at a place."""
    return f"a star on the {place}"


def chat():
    text = llm().chat(asked()).message.content
    pieces = list(llm().stream_chat(asked()))
    assert text and "".join(piece.delta or "" for piece in pieces) == text


def picture_by_url():
    assert llm().chat(asked(url=fetched_picture())).message.content == llm().chat(asked()).message.content


def picture_in_a_file():
    path = f"{FOLDER}/picture.png"
    with open(path, "wb") as file:
        file.write(IMAGE)
    assert llm().chat(asked(path=path)).message.content == llm().chat(asked()).message.content


def structured(**settings):
    def check():
        answer = llm(**settings).as_structured_llm(Shape).chat(asked())
        assert isinstance(answer.raw, Shape)

    return check


def tools():
    model = llm()
    tool = FunctionTool.from_defaults(look_at)
    response = model.chat_with_tools([tool], user_msg=asked()[0], tool_required=True)
    [call] = model.get_tool_calls_from_response(response)[:1]
    assert call.tool_name == "look_at" and call.tool_kwargs["place"] in ("left", "right")
    # The result is sent back.
    result = ChatMessage(role="tool", content="a star", additional_kwargs={"tool_call_id": call.tool_id})
    assert model.chat([*asked(), response.message, result]).message is not None


def tools_in_a_stream():
    model = llm()
    tool = FunctionTool.from_defaults(look_at)
    *_, last = model.stream_chat_with_tools([tool], user_msg=asked()[0], tool_required=True)
    assert model.get_tool_calls_from_response(last)[0].tool_name == "look_at"


def completion():
    model = llm(is_chat_model=False, max_tokens=5)
    text = model.complete("A red").text
    assert text and "".join(piece.delta or "" for piece in model.stream_complete("A red")) == text


def embeddings():
    model = OpenAILikeEmbedding(api_base=URL, api_key="none", model_name=MODEL, max_retries=0)
    assert len(model.get_text_embedding_batch(["a red star", "a green square"])) == 2


def error():
    assert refused(lambda: llm(model="none").chat(asked()), NotFoundError).code == "model_not_found"


run(
    {
        "chat, and the same from a stream": chat,
        "a picture by its URL": picture_by_url,
        "a picture in a file": picture_in_a_file,
        "a structured answer, by a tool": structured(),
        "a structured answer, by a schema": structured(should_use_structured_outputs=True),
        "a required call and its result": tools,
        "a required call in a stream": tools_in_a_stream,
        "completions, its default": completion,
        "embeddings": embeddings,
        "an error": error,
    }
)
