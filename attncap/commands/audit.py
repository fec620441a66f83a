"""Try a model's layers against what theorems assume, and ask it for facts."""

from typing import TYPE_CHECKING, Literal

from attncap.constraints import Count, Natural, Seed

if TYPE_CHECKING:
    from attncap.audit import Audit


def audit(
    model: str,
    *,
    inputs: str | None = None,
    facts: str | None = None,
    template: str | None = None,
    layers: list[Natural] | None = None,
    query: Literal["cls", "last"] | None = None,
    context: Count | None = None,
    examples: Count | None = None,
    subset_size: Count | None = None,
    subsets: Count = 5000,
    seed: Seed = 0,
) -> "Audit":
    """Say whether the theorems' assumptions hold inside a real model, and what it holds.

    Args:
        model: a Hugging Face folder, .gguf, .onnx, or .npz on this machine (with contexts and queries: any model's).
        inputs: a .txt, kjv, wikipedia, an .npz with ids or images, or a folder of pictures.
        facts: a named table or a file of facts to ask a causal language model for.
        template: the prompt for a fact, "The {relation} of {subject} is" by default.
        layers: which layers; all by default.
        query: which row asks: cls (the first) or last; last for causal models by default.
        context: tokens of a text, $n$; 64 by default.
        examples: texts or images, at most; 500 by default.
        subset_size: queries in a subset; $n$ by default.
        subsets: subsets drawn.
        seed: of every random draw.

    Returns:
        What was found at each layer.

    Raises:
        InputError: a model, inputs or facts that cannot be read, or options that do not fit them.
        UnmetError: a package is missing, or more memory is needed than there is.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> path = f"{tempfile.mkdtemp()}/layer.npz"
        >>> rng = np.random.default_rng(0)
        >>> np.savez(path, contexts=rng.standard_normal((60, 4, 8)), queries=np.ones((60, 8)))
        >>> audit(path, subsets=50).layers[0].assumptions.holds
        {'A1': False, 'A2': True, 'A3': True}
    """
    from attncap import audit as auditing

    return auditing.audit(
        model,
        inputs=inputs,
        facts=facts,
        template=template,
        layers=layers,
        query=query,
        context=context,
        examples=examples,
        size=subset_size,
        subsets=subsets,
        seed=seed,
    )
