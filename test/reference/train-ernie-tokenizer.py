"""Train a small SentencePiece tokenizer that is laid out like that of ERNIE 4.5 and PaddleOCR-VL.

Usage: train-ernie-tokenizer.py test/fixtures/tokenizers/ernie

It reads the licence, whose text stays as it is. Needs sentencepiece, and tokenizers for tokenizer.json.
"""

import json
import sys
import tempfile
from pathlib import Path

import sentencepiece
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers

output = Path(sys.argv[1])
licence = Path(__file__).parents[2] / "LICENSE"
SPECIAL = [
    "<mask:0>",
    "<|end_of_sentence|>",
    "<|begin_of_sentence|>",
    "<|IMAGE_PLACEHOLDER|>",
    "<|AUDIO_PLACEHOLDER|>",
    "<|LOC_0|>",
    "<|IMAGE_START|>",
    "<|IMAGE_END|>",
    "<|video_start|>",
    "<|video_end|>",
]

output.mkdir(parents=True, exist_ok=True)
with tempfile.TemporaryDirectory() as folder:
    sentencepiece.SentencePieceTrainer.train(
        input=str(licence),
        model_prefix=f"{folder}/tokenizer",
        model_type="bpe",
        vocab_size=640,
        byte_fallback=True,
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        allow_whitespace_only_pieces=True,
        normalization_rule_name="identity",
        split_digits=True,
        user_defined_symbols=SPECIAL,
        minloglevel=2,
    )
    model = (Path(folder) / "tokenizer.model").read_bytes()
(output / "tokenizer.model").write_bytes(model)

pieces = sentencepiece.SentencePieceProcessor(model_proto=model)
ids = {token: pieces.piece_to_id(token) for token in ("<unk>", "<s>", "</s>", *SPECIAL)}
vocabulary = {pieces.id_to_piece(i): i for i in range(len(pieces))}
# SentencePiece joins two pieces whose text is that of a third, those of the best score first: the scores fall with the ids.
merges = [
    (piece[:at], piece[at:])
    for piece, i in vocabulary.items()
    if not pieces.is_byte(i) and piece not in ids
    for at in range(1, len(piece))
    if piece[:at] in vocabulary and piece[at:] in vocabulary
]
tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
tokenizer.normalizer = normalizers.Replace(" ", "▁")
tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in ids])
(output / "tokenizer.json").write_text(json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, separators=(",", ":")))

added = {
    str(i): {
        "content": token,
        "lstrip": False,
        "normalized": False,
        "rstrip": False,
        "single_word": False,
        "special": True,
    }
    for token, i in ids.items()
}
config = {
    "add_bos_token": False,
    "add_eos_token": False,
    "add_prefix_space": False,
    "added_tokens_decoder": added,
    "bos_token": "<s>",
    "clean_up_tokenization_spaces": False,
    "cls_token": "<|begin_of_sentence|>",
    "eos_token": "</s>",
    "legacy": True,
    "mask_token": "<mask:0>",
    "model_max_length": 131072,
    "pad_token": "<unk>",
    "sep_token": "<|end_of_sentence|>",
    "sp_model_kwargs": {},
    "spaces_between_special_tokens": False,
    "tokenizer_class": "LlamaTokenizer",
    "unk_token": "<unk>",
    "use_default_system_prompt": False,
}
(output / "tokenizer_config.json").write_text(json.dumps(config, separators=(",", ":")))
print(len(pieces), ids)
print(pieces.encode("Describe this image.\nAssistant: Étude", out_type=str))
print(tokenizer.encode("Describe this image.\nAssistant: Étude").tokens)
