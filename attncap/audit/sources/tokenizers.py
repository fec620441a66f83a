"""Tokenizers of checkpoints, by the `tokenizers` package: from tokenizer.json, a GGUF header, or glassllm's file."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attncap.data.json_text import parse_json
from attncap.errors import InputError, UnmetError

Tokenizer = Callable[[], Any]  # opened when text comes


def from_json(folder: Path) -> Tokenizer | None:
    """Open a folder's tokenizer.json."""
    file = folder / "tokenizer.json"
    if not file.is_file():
        return None

    def make() -> Any:
        found = _library().Tokenizer.from_str(file.read_text(encoding="utf-8"))
        found.no_padding()
        found.no_truncation()
        return found

    return _whole(str(file), make)


def from_gguf(fields: Mapping[str, Any]) -> Tokenizer | None:
    """Make the byte-level tokenizer of a GGUF header."""
    if fields.get("tokenizer.ggml.model") != "gpt2":
        return None

    def make() -> Any:
        library = _library()
        words = fields["tokenizer.ggml.tokens"]
        merges = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"]]
        made = library.Tokenizer(library.models.BPE(dict(zip(words, range(len(words)), strict=True)), merges))
        level = library.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
        digits = library.pre_tokenizers.Digits(individual_digits=True)
        split = [digits, level] if fields.get("tokenizer.ggml.pre") == "smollm" else [level]
        made.pre_tokenizer = library.pre_tokenizers.Sequence(split)
        made.decoder = library.decoders.ByteLevel()
        return made

    return _whole("the GGUF header", make)


def from_glassllm(file: Path) -> Tokenizer | None:
    """Make glassllm's tokenizer: characters, spaces as a mark of their own, merges inside words."""
    if not file.is_file():
        return None

    def make() -> Any:
        library = _library()
        stored = parse_json(str(file), file.read_bytes())
        merges = [tuple(merge) for merge in stored["merges"]]
        words = ["<pad>", "<unk>", "<bos>", "<eos>", *stored["alphabet"], *("".join(merge) for merge in merges)]
        model = library.models.BPE({word: number for number, word in enumerate(words)}, merges, unk_token="<unk>")
        made = library.Tokenizer(model)
        normal = library.normalizers
        made.normalizer = normal.Sequence([normal.NFC(), normal.Replace(" ", "▁")])
        made.pre_tokenizer = library.pre_tokenizers.Split(library.Regex("\n|▁*[^▁\n]+|▁+"), "isolated")
        made.decoder = library.decoders.Sequence([library.decoders.Fuse(), library.decoders.Replace("▁", " ")])
        return made

    return _whole(str(file), make)


def _whole(where: str, make: Tokenizer) -> Tokenizer:
    """Say in one line what keeps a tokenizer from being made; the library raises bare exceptions."""

    def whole() -> Any:
        try:
            return make()
        except (InputError, UnmetError):
            raise
        except Exception as error:
            raise InputError(f"{where}: not a tokenizer ({error!r})") from None

    return whole


def _library() -> Any:
    try:
        import tokenizers
        import tokenizers.decoders
        import tokenizers.models
        import tokenizers.normalizers
        import tokenizers.pre_tokenizers
    except ModuleNotFoundError:
        raise UnmetError("text needs tokenizers, which is not installed: pip install 'attncap[audit]'") from None
    return tokenizers
