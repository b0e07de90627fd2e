"""LangChain: chat completions and the Responses API, schemas, tools and embeddings, with a picture."""

from client import LookAt, MAX_TOKENS, MODEL, Shape, URL, fetched_picture, messages, refused, run
from langchain_openai import ChatOpenAI, OpenAI, OpenAIEmbeddings


def chat_model(**settings):
    common = {"base_url": URL, "api_key": "none", "model": MODEL, "temperature": 0, "max_tokens": MAX_TOKENS}
    return ChatOpenAI(**{**common, "max_retries": 0, **settings})


def chat(responses):
    def check():
        model = chat_model(use_responses_api=responses, stream_usage=True)
        answer = model.invoke(messages())
        pieces = list(model.stream(messages()))
        assert answer.text and "".join(piece.text for piece in pieces) == answer.text
        assert answer.usage_metadata["input_tokens"] > 0
        assert any(piece.usage_metadata for piece in pieces)

    return check


def picture_by_url():
    assert chat_model().invoke(messages(fetched_picture())).text == chat_model().invoke(messages()).text


def structured(method, **settings):
    def check():
        answer = chat_model(**settings).with_structured_output(Shape, method=method).invoke(messages())
        assert isinstance(answer, Shape)

    return check


def tools():
    answer = chat_model().bind_tools([LookAt], tool_choice="any").invoke(messages())
    assert answer.tool_calls[0]["name"] == "LookAt"


def completion():
    model = OpenAI(base_url=URL, api_key="none", model=MODEL, temperature=0, max_tokens=5, max_retries=0)
    text = model.invoke("A red")
    assert text and "".join(model.stream("A red")) == text


def embeddings():
    # Without its own tokens, which are OpenAI's.
    model = OpenAIEmbeddings(base_url=URL, api_key="none", model=MODEL, check_embedding_ctx_length=False)
    assert len(model.embed_documents(["a red star", "a green square"])) == 2


def error():
    from openai import NotFoundError

    assert "not served here" in str(refused(lambda: chat_model(model="none").invoke(messages()), NotFoundError))


run(
    {
        "chat, and the same from a stream": chat(False),
        "the Responses API, and the same from a stream": chat(True),
        "a picture by its URL": picture_by_url,
        "with_structured_output, json_schema": structured("json_schema"),
        "with_structured_output, function_calling": structured("function_calling"),
        "with_structured_output at the Responses API": structured("json_schema", use_responses_api=True),
        "bind_tools": tools,
        "completions": completion,
        "embeddings": embeddings,
        "an error": error,
    }
)
