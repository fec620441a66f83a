"""Audit a model: run it on real inputs, and try what theorems assume of each layer's."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from jaxtyping import Float

from attncap.audit import inputs as examples_of
from attncap.audit import sources
from attncap.audit.findings import Audit, Layer, Twin
from attncap.audit.heads import Rows, heads, saturation
from attncap.audit.mahdavi2024_assumptions import FEWER, Gathered, assumptions, gather, judge
from attncap.audit.own_interpolation import RATIO, own_interpolation
from attncap.audit.promises import UNLIKE, promises
from attncap.audit.shares import sampled
from attncap.audit.transformer import Transformer, twin
from attncap.constraints import Count, Natural, Seed, checked
from attncap.errors import InputError
from attncap.numerics.memory import require
from attncap.numerics.row_rank import Rows as Vectors
from attncap.progress import track

if TYPE_CHECKING:
    from attncap.audit.factual_memory import FactRecall

Query = Literal["cls", "last"]


@dataclass(frozen=True)
class Seen:
    """What was kept of one layer's run over all examples.

    Attributes:
        input: what the assumptions ask for.
        rows: scores and weights of the queries.
        tokens: some of the rows that the attention saw, of all examples.
    """

    input: Gathered
    rows: Rows
    tokens: Float[np.ndarray, "m d"]


@checked
def audit(
    model: str | Path,
    *,
    inputs: str | None = None,
    layers: list[Natural] | None = None,
    query: Query | None = None,
    context: Count | None = None,
    examples: Count | None = None,
    size: Count | None = None,
    subsets: Count = 5000,
    facts: str | None = None,
    template: str | None = None,
    seed: Seed = 0,
) -> Audit:
    """Audit a model on this machine: what holds of its layers' inputs, what its heads do, which facts it recalls.

    Args:
        model: a Hugging Face folder, a .gguf, an .onnx, or an .npz with contexts (T, n, d) and queries (T, d).
        inputs: what to run it on: see `attncap.audit.inputs.read`.
        layers: which; all by default.
        query: which row of a context is the query: cls, the first, or last; last for causal models by default.
        context: tokens of a text.
        examples: at most so many texts or images.
        size: queries in a subset; n by default.
        subsets: how many are drawn.
        facts: a table of facts to ask a causal language model for.
        template: the prompt, with {relation} and {subject}.
        seed: of every draw.

    Raises:
        InputError: a model or inputs that cannot be read, or options that do not fit them.
        UnmetError: a package is missing, or more memory is needed than there is.

    Example:
        >>> import tempfile
        >>> path = f"{tempfile.mkdtemp()}/layer.npz"
        >>> rng = np.random.default_rng(0)
        >>> np.savez(path, contexts=rng.standard_normal((60, 4, 8)), queries=rng.standard_normal((60, 8)))
        >>> found = audit(path, subsets=100)
        >>> found.layers[0].assumptions.holds["A1"], len(found.layers)
        (True, 1)
    """
    started = time.perf_counter()
    loaded = sources.load(model)
    if isinstance(loaded, dict):
        for name, asked in {"inputs": inputs, "facts": facts, "layers": layers}.items():
            if asked is not None:
                raise InputError(name, "none, for an .npz of contexts and queries", asked)
        found = assumptions(loaded["contexts"], loaded["queries"], size=size, subsets=subsets, seed=seed)
        layer = Layer(0, "contexts and queries as given", found)
        return Audit(str(model), "", {}, {}, "arrays", "given", (layer,), None, (), time.perf_counter() - started)
    if inputs is None and facts is None:
        raise InputError("inputs", "what to run the model on (a text, images, ids), or facts", None)
    query = query or ("last" if loaded.family.causal else "cls")
    said, audited = "", []
    if inputs is not None:
        given = examples_of.read(loaded, inputs, context=context, examples=examples)
        said = given.said
        audited = _layers(loaded, given.arrays, query, layers, size, subsets, seed)
    return Audit(
        model=str(model),
        family=loaded.family.name,
        settings={name: getattr(loaded.settings, name) for name in ("dim", "layers", "heads", "key_heads", "head_dim")},
        parameters=loaded.parameters,
        inputs=said,
        query=query,
        layers=tuple(audited),
        facts=_recall(loaded, facts, template, seed),
        notes=(UNLIKE,) if audited else (),
        seconds=time.perf_counter() - started,
    )


def _recall(model: Transformer, facts: str | None, template: str | None, seed: int) -> "FactRecall | None":
    if facts is None:
        if template is not None:
            raise InputError("template", "facts beside it", template)
        return None
    from attncap.audit.factual_memory import fact_recall

    return fact_recall(model, facts, template=template, seed=seed)


def _layers(
    model: Transformer,
    given: np.ndarray,
    query: Query,
    layers: Sequence[int] | None,
    size: int | None,
    subsets: int,
    seed: int,
) -> list[Layer]:
    wanted = list(range(model.settings.layers)) if layers is None else sorted(set(layers))
    for layer in wanted:
        if not 0 <= layer < model.settings.layers:
            raise InputError("layers", f"numbers from 0 to {model.settings.layers - 1}", layer)
    trained = run(model, given, query, wanted, seed)
    random = run(twin(model, seed), given, query, wanted, seed)
    found = []
    for layer in track(wanted, "layers"):
        seen, other = trained[layer], random[layer]
        judged = judge(seen.input, size=size, subsets=subsets, seed=seed)
        found.append(
            Layer(
                layer=layer,
                input="embedding" if layer == 0 else f"after block {layer}",
                assumptions=judged,
                saturation=saturation(seen.rows),
                heads=tuple(heads(model, layer, seen.rows, seed)),
                promises=tuple(promises(model.settings, judged.context, judged.holds)),
                interpolation=own_interpolation(model, layer, seen.tokens, seed=seed),
                untrained=_untrained(other, judged.kruskal.size, min(FEWER, subsets), seed),
            )
        )
    return found


def run(model: Transformer, given: np.ndarray, query: Query, layers: Sequence[int], seed: int = 0) -> dict[int, Seen]:
    """Run a model on all examples, in batches that fit into memory, and keep what the audit of each layer needs.

    Args:
        model: the model.
        given: token ids or images.
        query: which row is the query.
        layers: whose input and attention to keep.
        seed: of the choice of tokens.
    """
    count, row = len(given), 0 if query == "cls" else -1
    rows = model.embed(given[:1]).shape[1]
    dim, heads_count = model.settings.dim, model.settings.heads
    kept = len(layers) * count * (2 * dim + 2 * heads_count * rows) * 4
    require(float(kept), f"what is kept of {count:,} examples", "audit fewer layers or examples")
    # As many tokens as the interpolation error is measured on, from all examples alike.
    chosen = np.random.default_rng(seed).permutation(count * rows)[: int(dim / RATIO)]
    parts: dict[int, list[tuple[Gathered, Rows, np.ndarray]]] = {layer: [] for layer in layers}
    batches = list(model.batches(count, rows))
    for batch in track(batches, "run" if model.trained else "run the untrained twin"):
        mine = np.sort(chosen[(chosen >= batch.start * rows) & (chosen < batch.stop * rows)]) - batch.start * rows
        for step in model.steps(given[batch]):
            if step.layer in parts:
                if not np.isfinite(step.x).all():
                    raise InputError(f"{model.name}: layer {step.layer} gets numbers that are not finite")
                tokens = step.seen.reshape(-1, dim)[mine]
                parts[step.layer].append((gather(step.x, step.x[:, row].copy()), Rows.of(step, row), tokens))
            if step.layer >= max(layers):
                break
    return {
        layer: Seen(
            Gathered.join(gathered for gathered, _, _ in found),
            Rows.join([kept for _, kept, _ in found]),
            np.concatenate([tokens for _, _, tokens in found]),
        )
        for layer, found in parts.items()
    }


def _untrained(seen: Seen, size: int, subsets: int, seed: int) -> Twin:
    vectors = Vectors(seen.input.queries)
    count, dim = seen.input.queries.shape
    return Twin(
        kruskal=sampled(vectors, size, subsets, seed),
        general_position=sampled(vectors, dim, min(subsets, 100), seed).fraction if count >= dim else None,
        context_rank_full_fraction=float(seen.input.full.mean()),
        with_mean=sampled(Vectors(seen.input.queries + seen.input.means), size, subsets, seed),
        saturation=saturation(seen.rows),
    )
