"""What a model is run on: texts cut into contexts, images brought to its size, or token ids."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int, UInt8

from attncap.audit.transformer import Transformer
from attncap.data.arrays import read_arrays
from attncap.data.texts import CORPORA
from attncap.errors import InputError, UnmetError

# Preprocessing of ViT and DINOv2 (ImageNet's mean and standard deviation per channel), and the side of an image.
MEAN, DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
SIDE = 224
CONTEXT, EXAMPLES = 64, 500
PICTURES = (".png", ".jpg", ".jpeg")


@dataclass(frozen=True)
class Inputs:
    """Examples ready for a model.

    Attributes:
        arrays: token ids (T, n), or images (T, 3, height, width).
        said: in words, what they are.
    """

    arrays: Int[np.ndarray, "T n"] | Float[np.ndarray, "T 3 height width"]
    said: str


def read(model: Transformer, source: str, *, context: int | None = None, examples: int | None = None) -> Inputs:
    """Read the examples that a model is audited on.

    Args:
        model: who reads them: its own tokenizer cuts a text.
        source: a .txt, "kjv" or "wikipedia"; an .npz with ``ids`` (T, n) or ``images`` (T, height, width, 3) of bytes
            or (T, 3, height, width) of floats that are ready; or a folder of pictures.
        context: n of each text; 64 by default, or the most that the model has positions for.
        examples: at most so many, spread evenly; 500 by default.

    Raises:
        InputError: no such source, another kind than the model's, or a text shorter than two contexts.
        UnmetError: a package that is not installed.
    """
    path, most = Path(source), EXAMPLES if examples is None else examples
    if most < 2:
        raise InputError("examples", "at least 2", most)
    if path.suffix == ".npz" and path.is_file():
        return _arrays(model, path, most)
    if model.family.images:
        return Inputs(ready(_pictures(path, most)), f"{path}: pictures of {SIDE} x {SIDE}")
    return _text(model, source, context, most)


def ready(images: UInt8[np.ndarray, "T height width 3"]) -> Float[np.ndarray, "T 3 height width"]:
    """Standardise images of bytes as vision transformers take them.

    Example:
        >>> ready(np.zeros((1, 2, 2, 3), np.uint8)).shape
        (1, 3, 2, 2)
    """
    scaled = (images / 255 - MEAN) / DEVIATION
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2)).astype(np.float32)


def _arrays(model: Transformer, path: Path, most: int) -> Inputs:
    arrays = read_arrays(path, ("ids", "images"))
    wanted = "images" if model.family.images else "ids"
    if wanted not in arrays:
        raise InputError(
            f"{path}: expected {wanted} for a {model.family.name} model, got {', '.join(arrays) or 'none'}"
        )
    found = arrays[wanted]
    if found.ndim == 4 and found.dtype == np.uint8:
        found = ready(found)
    if found.ndim != (4 if wanted == "images" else 2):
        raise InputError(
            f"{path}: {wanted}", "shape (T, 3, height, width)" if wanted == "images" else "(T, n)", found.shape
        )
    return Inputs(_spread(found, most), f"{path}: {wanted}")


def _spread(array: np.ndarray, most: int) -> np.ndarray:
    return array[np.linspace(0, len(array) - 1, min(most, len(array))).round().astype(int)]


def _text(model: Transformer, source: str, context: int | None, most: int) -> Inputs:
    if source not in CORPORA and not Path(source).is_file():
        raise InputError(f"{source}: no such text; give a .txt, {', '.join(CORPORA)}, or an .npz with ids")
    if model.tokenizer is None:
        raise InputError(f"{model.name}: has no tokenizer.json; give an .npz with ids (T, n)")
    limit = model.settings.positions
    size = min(CONTEXT, limit) if context is None else context
    if not 2 <= size <= limit:
        raise InputError("context", f"2 to {limit:,}, the model's positions", size)
    try:
        text = CORPORA[source]() if source in CORPORA else Path(source).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{source}: not UTF-8 text ({error.reason})") from None
    tokenizer = model.tokenizer()
    ends = [tokenizer.token_to_id(word) for word in ("[CLS]", "[SEP]")] if model.family.post else []
    inner = size - len(ends)
    if inner < 1 or None in ends:
        raise InputError("context", "room for [CLS] and [SEP] of the model's tokenizer", size)
    # A token has fewer than 32 letters on average: enough text for what is taken, and its start for short ones.
    ids = np.array(tokenizer.encode(text[: 32 * most * size], add_special_tokens=False).ids, dtype=np.int64)
    cut = ids[: len(ids) // inner * inner].reshape(-1, inner)
    if len(cut) < 2:
        raise InputError(f"{source}: {len(ids):,} tokens; expected at least 2 contexts of {size}")
    cut = _spread(cut, most)
    if ends:
        cut = np.column_stack([np.full(len(cut), ends[0]), cut, np.full(len(cut), ends[1])])
    return Inputs(cut, f"{source}: {len(cut):,} pieces of {size} tokens")


def _pictures(folder: Path, most: int) -> Any:
    try:
        from PIL import Image
    except ModuleNotFoundError:
        raise UnmetError("pictures need pillow, which is not installed: pip install 'attncap[audit]'") from None
    files = sorted(file for file in folder.glob("*") if file.suffix.lower() in PICTURES) if folder.is_dir() else []
    if len(files) < 2:
        raise InputError(f"{folder}: expected a folder of at least 2 pictures ({', '.join(PICTURES)}), or an .npz")
    found = []
    for file in files[:most]:
        try:
            with Image.open(file) as picture:
                found.append(np.asarray(picture.convert("RGB").resize((SIDE, SIDE))))
        except OSError as error:
            raise InputError(f"{file}: not a picture ({error})") from None
    return np.stack(found)
