"""The kinds of models that a weight file may hold, and how one is written and read back."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attncap.constraints import checked
from attncap.errors import InputError
from attncap.models import weights
from attncap.models.attention_layer import AttentionLayer
from attncap.models.attention_only import AttentionOnlyTransformer
from attncap.models.embedded_attention import EmbeddedAttention
from attncap.models.model import Model
from attncap.models.perceptron import Perceptron
from attncap.models.token_model import TokenModel
from attncap.models.transformer import Transformer

CLASSES: tuple[type[Model], ...] = (
    AttentionOnlyTransformer,
    Transformer,
    AttentionLayer,
    EmbeddedAttention,
    Perceptron,
)
KINDS = {model.kind: model for model in CLASSES}


@checked
def save(model: Model, path: str | Path, metadata: Mapping[str, Any] | None = None) -> Path:
    """Write a model's weights and what is needed to run them.

    Args:
        model: whose weights.
        path: a directory (the file is then model.safetensors in it) or a .safetensors file.
        metadata: what else to keep in the header (seed, method).

    Returns:
        The file written.

    Raises:
        InputError: metadata under a name that the format needs, or a path that cannot be written.
    """
    return model.save(path, metadata)


@checked
def load(path: str | Path) -> Model:
    """Read a weight file, refusing whatever does not fit.

    Args:
        path: the directory that `save` wrote to, or the file itself.

    Returns:
        The model, of the class that was saved.

    Raises:
        InputError: names the file and the tensor, what was expected and what was got.
    """
    path = weights.file_of(path)
    header = weights.read_header(path)
    found, kind = header.get("format"), header.get("kind", "")
    if found != weights.FORMAT or kind not in KINDS:
        expected = f"format {weights.FORMAT!r} and a kind ({', '.join(KINDS)}) in its header"
        raise InputError(f"{path}: expected {expected}, got {found!r} and {kind!r}")
    model = KINDS[kind]
    tensors, beside = weights.read_tensors(path, model.shapes(), model.empty, tokens=issubclass(model, TokenModel))
    return model(**tensors, **model.options(path, header, tensors), **beside)
