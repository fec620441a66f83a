"""A local Hugging Face folder: config.json and safetensors. Nothing is fetched, no code of the folder is run."""

from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from attncap.audit.sources.checkpoint import Checkpoint
from attncap.audit.sources.tokenizers import from_json
from attncap.data.json_text import parse_json
from attncap.errors import InputError

INDEX, WEIGHTS = "model.safetensors.index.json", "model.safetensors"
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.h5")


def open_folder(folder: Path) -> Checkpoint:
    """Open a folder.

    Raises:
        InputError: no config.json or safetensors, weights in a format that runs code, or a model that needs its own.
    """
    config = _json(folder / "config.json")
    if "auto_map" in config or "trust_remote_code" in config:
        raise InputError(f"{folder}: the model needs code of its own (auto_map in config.json), which is never run")
    files = _files(folder)
    if "quantization_config" in config:
        raise InputError(f"{folder}: quantized weights in safetensors are not read; use a GGUF file or full precision")
    place: dict[str, Path] = {}
    sizes: dict[str, int] = {}
    for file in files:
        try:
            with safe_open(file, "np") as opened:
                for name in opened.keys():  # noqa: SIM118 (no mapping)
                    place[name] = file
                    sizes[name] = int(np.prod(opened.get_slice(name).get_shape()))
        except (SafetensorError, OSError) as error:
            raise InputError(f"{file}: not a whole safetensors file ({error})") from None

    def read(name: str) -> np.ndarray:
        import ml_dtypes  # noqa: F401 (registers bfloat16)

        with safe_open(place[name], "np") as opened:
            return opened.get_tensor(name)

    stored = sum(file.stat().st_size for file in files)
    kind = str(config.get("model_type", "?"))
    return Checkpoint(str(folder), kind, config, sizes, read, from_json(folder), stored)


def _files(folder: Path) -> list[Path]:
    if (folder / INDEX).is_file():
        named = sorted(set(_json(folder / INDEX).get("weight_map", {}).values()))
        files = [folder / name for name in named]
        for name, file in zip(named, files, strict=True):
            if "/" in name or "\\" in name or not file.is_file():
                raise InputError(f"{folder}: {INDEX} names {name}, which is not there")
        return files
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if any(next(folder.glob(pattern), None) for pattern in PICKLES):
        raise InputError(f"{folder}: weights that only unpickling reads, which can run code; save them as safetensors")
    raise InputError(f"{folder}: expected {WEIGHTS} or {INDEX}, got neither")


def _json(path: Path) -> dict[str, Any]:
    try:
        found = parse_json(str(path), path.read_bytes())
    except FileNotFoundError:
        raise InputError(f"{path.parent}: expected a folder with {path.name}, got none") from None
    if not isinstance(found, dict):
        raise InputError(f"{path}: expected an object {{...}}")
    return found
