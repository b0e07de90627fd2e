"""Writes down which tokens transformers' own chain of logits processors leaves to draw from, for random logits and settings:

    python test/reference/sampling.py test/fixtures/sampling/transformers.tsv

The columns: the seed, size and shape of the row of logits (see sampler-check.cpp, which makes the same rows), how many tokens
the prompt and the answer have, the settings, the last of them whether sequences are looked for in the prompt; then how many tokens are kept, the probabilities of the likeliest and of the
least likely of them, and the sum of their squares. OpenAI's penalties, which transformers lacks, are vLLM's: they follow the
repetition penalty and know the answer alone.
"""

import random
import sys
from types import SimpleNamespace

import numpy
import torch
from transformers import GenerationConfig, GenerationMixin, LogitsProcessor, LogitsProcessorList

CASES = 300
# Rounding decides about a token that is closer than this to a limit.
CLOSEST = 1e-5


class Numbers:
    """A generator as simple as it can be in two languages."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state * 1664525 + 1013904223) % 2**32
        return self.state >> 8

    def row(self, size, shape):
        unit = numpy.array([self.next() for _ in range(size)], dtype=numpy.float32) / numpy.float32(2**24)
        if shape == "ties":
            return numpy.floor(unit * numpy.float32(16)) / numpy.float32(4)
        if shape == "flat":
            return (unit - numpy.float32(0.5)) * numpy.float32(8)
        squared = unit * unit
        return squared * squared * squared * numpy.float32(16)

    def tokens(self, count, size):
        return [self.next() % size for _ in range(count)]


class AnswerPenalties(LogitsProcessor):
    def __init__(self, answer, frequency, presence):
        self.answer, self.frequency, self.presence = answer, frequency, presence

    def __call__(self, input_ids, scores):
        for token in set(self.answer):
            scores[0, token] -= self.frequency * self.answer.count(token) + self.presence
        return scores


def chain(case, answer):
    config = GenerationConfig(
        do_sample=True,
        temperature=case["temperature"],
        top_k=max(case["top_k"], 0),
        top_p=case["top_p"],
        min_p=case["min_p"] or None,
        repetition_penalty=case["repetition"],
        typical_p=case["typical"],
        no_repeat_ngram_size=case["ngram"],
    )
    model = SimpleNamespace(config=SimpleNamespace(is_encoder_decoder=False))
    model._merge_criteria_processor_list = lambda own, given: LogitsProcessorList([*own, *given])
    penalties = LogitsProcessorList([AnswerPenalties(answer, case["frequency"], case["presence"])])
    return GenerationMixin._get_logits_processor(model, config, input_ids_seq_length=1, logits_processor=penalties)


def is_close(processor, scores):
    """Whether rounding could decide about a token."""
    probabilities = torch.softmax(scores[0].double(), -1)
    if type(processor).__name__ == "TopPLogitsWarper":
        sums = probabilities.sort(descending=True).values.cumsum(-1)
        return bool((sums - processor.top_p).abs().min() < CLOSEST)
    if type(processor).__name__ == "MinPLogitsWarper":
        return bool((probabilities / probabilities.max() - processor.min_p).abs().min() < CLOSEST)
    if type(processor).__name__ == "TypicalLogitsWarper":
        information = -torch.log_softmax(scores[0].double(), -1)
        distances = (information - (probabilities * information).nansum()).abs().sort()
        sums = probabilities[distances.indices].cumsum(-1)
        last = min(int((sums < processor.mass).sum()), len(sums) - 1)
        behind = distances.values[last:] - distances.values[last]
        close = bool(((behind > 1e-9) & (behind < CLOSEST)).any())
        return close or bool((sums - processor.mass).abs().min() < CLOSEST)
    return False


def outcome(case):
    numbers = Numbers(case["seed"])
    row = numbers.row(case["size"], case["shape"])
    prompt = numbers.tokens(case["prompt"], case["size"])
    answer = numbers.tokens(case["answer"], case["size"])
    input_ids = torch.tensor([prompt + answer], dtype=torch.long)
    scores = torch.tensor(row).unsqueeze(0)
    for processor in chain(case, answer):
        if is_close(processor, scores):
            return None
        # In the answer alone, as vLLM's processors do; transformers itself looks at the prompt too.
        in_answer = type(processor).__name__ == "NoRepeatNGramLogitsProcessor" and not case["ngram_prompt"]
        scores = processor(torch.tensor([answer], dtype=torch.long) if in_answer else input_ids, scores)
    if not (scores > -torch.inf).any():
        return None
    probabilities = torch.softmax(scores[0].double(), -1)
    kept = probabilities[scores[0] > -torch.inf]
    return len(kept), float(kept.max()), float(kept.min()), float((kept**2).sum())


def random_case(choice, seed):
    one_of = choice.choice
    return {
        "seed": seed,
        "size": one_of([5, 63, 64, 200, 700]),
        "shape": one_of(["flat", "peaked", "ties"]),
        "prompt": one_of([0, 3, 20]),
        "answer": one_of([0, 2, 40]),
        "temperature": one_of([0.2, 0.7, 1.0, 1.5, 2.0]),
        "top_k": one_of([-1, -1, -1, 1, 5, 40, 40]),
        "top_p": one_of([1.0, 1.0, 1.0, 0.95, 0.95, 0.9, 0.9, 0.5, 0.1, 0.0]),
        "min_p": one_of([0.0, 0.0, 0.0, 0.0, 0.02, 0.05, 0.3, 0.999]),
        "frequency": one_of([0.0, 0.0, 0.5, -1.0]),
        "presence": one_of([0.0, 0.0, 0.8]),
        "repetition": one_of([1.0, 1.0, 1.1, 1.8, 0.7]),
        "typical": one_of([1.0, 1.0, 0.95, 0.5, 0.2]),
        "ngram": one_of([0, 0, 1, 2, 3]),
        "ngram_prompt": one_of([0, 1]),
    }


def main(path):
    choice = random.Random(1)
    lines = []
    seed = 0
    while len(lines) < CASES:
        seed += 1
        case = random_case(choice, seed)
        result = outcome(case)
        if result is not None:
            kept, *probabilities = result
            lines.append("\t".join([*map(str, case.values()), str(kept), *(f"{p:.6g}" for p in probabilities)]) + "\n")
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(lines)


main(sys.argv[1])
