"""lm-eval's local-completions and local-chat-completions: likelihoods of continuations, and generation.

The likelihoods need the model's tokenizer, as a folder that transformers reads: the checkpoint that is served.
"""

from client import CHECKPOINT, MODEL, URL, refused, run
from lm_eval.api.instance import Instance
from lm_eval.models.openai_completions import LocalChatCompletion, LocalCompletionsAPI

CONTEXT = "The shape in the picture is a"
GENERATION = {"until": ["\n\n"], "max_gen_toks": 12, "temperature": 0}


def instance(kind, arguments):
    return Instance(request_type=kind, doc={}, arguments=arguments, idx=0)


def completions(model=MODEL, **settings):
    return LocalCompletionsAPI(
        base_url=f"{URL}/completions",
        model=model,
        max_retries=1,
        tokenizer_backend="huggingface",
        tokenizer=CHECKPOINT,
        max_length=1024,
        **settings,
    )


def greedy_continuation_is_likeliest():
    model = completions()
    [said] = model.generate_until([instance("generate_until", (CONTEXT, GENERATION))])
    assert said.strip()
    other = " zebra crossing on the moon"
    requests = [instance("loglikelihood", (CONTEXT, continuation)) for continuation in (said, other)]
    (likely, is_greedy), (unlikely, is_other_greedy) = model.loglikelihood(requests)
    assert is_greedy and not is_other_greedy, (said, is_greedy, is_other_greedy)
    assert unlikely < likely <= 0, (likely, unlikely)


def several_prompts_in_a_request():
    contexts = ["The circle is", "A red", "There are two"]
    one_by_one = completions(batch_size=1)
    together = completions(batch_size=3)
    requests = [instance("loglikelihood", (context, " green square")) for context in contexts]
    for (alone, _), (beside, _) in zip(one_by_one.loglikelihood(requests), together.loglikelihood(requests)):
        assert abs(alone - beside) < 0.1, (alone, beside)


def rolling_likelihood():
    model = completions()
    [total] = model.loglikelihood_rolling([instance("loglikelihood_rolling", ("A red circle and a green square.",))])
    assert total < 0


def chat():
    model = LocalChatCompletion(base_url=f"{URL}/chat/completions", model=MODEL, tokenizer_backend=None)
    context = model.apply_chat_template([{"role": "user", "content": "Tell me a story."}])
    [said] = model.generate_until([instance("generate_until", (context, GENERATION))])
    assert said.strip()


def error():
    model = completions("none")
    refused(lambda: model.generate_until([instance("generate_until", (CONTEXT, GENERATION))]))


run(
    {
        "generation, and how likely it is": greedy_continuation_is_likeliest,
        "several prompts in a request": several_prompts_in_a_request,
        "rolling likelihoods": rolling_likelihood,
        "chat": chat,
        "an error": error,
    }
)
