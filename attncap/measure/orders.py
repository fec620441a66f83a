"""Ways of computing the same logits: programs and orders of summation that real runtimes use.

Each is exact in exact arithmetic; rounded, each answers a little differently. A recall is *measured* in those of them
in which every answer is right, which proves nothing of others (`attncap.measure.certify` does).
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from attncap.constraints import OneOf, checked
from attncap.models import AttentionOnlyTransformer, chunks
from attncap.tasks import Associations

Logits = Float[np.ndarray, "t N"]
Sum = Callable[[np.ndarray, np.ndarray], np.ndarray]
Program = Callable[[Int[np.ndarray, "t S"]], Logits]
PERMUTATIONS = 3


class Order(NamedTuple):
    """An order of summation.

    Attributes:
        program: makes the program that computes a model's logits in it.
        budget: products that it may take where nobody asked for it.
        kept: whether it holds all products of a sequence at once.
    """

    program: Callable[[AttentionOnlyTransformer], Program]
    budget: float
    kept: bool = False


def batch(model: AttentionOnlyTransformer) -> Program:
    """Compute all sequences together, the library's own way: the key folded into the query."""
    return model.forward


def alone(model: AttentionOnlyTransformer) -> Program:
    """Compute one sequence at a time."""
    return lambda sequences: np.concatenate([model.forward(sequence[None]) for sequence in sequences])


def permuted(model: AttentionOnlyTransformer, seed: int = 0) -> Program:
    """Permute the embedding dimensions, the heads and each head's units, which changes no logit but their rounding."""
    rng = np.random.default_rng(seed)
    dims, heads = rng.permutation(model.embedding_dim), rng.permutation(model.heads)
    scores, values = rng.permutation(model.query_key_rank), rng.permutation(model.head_dim)
    tensors: dict[str, Any] = {name: getattr(model, name)[:, dims] for name in ("embedding", "position", "unembedding")}
    tensors |= {name: getattr(model, name)[heads][:, scores][:, :, dims] for name in ("query", "key")}
    tensors["value"] = model.value[heads][:, values][:, :, dims]
    tensors["output"] = model.output[heads][:, dims][:, :, values]
    tensors = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    return replace(model, **tensors).forward


def at_once(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Add the products as NumPy does."""
    return np.einsum("...i,...i->...", left, right)


def textbook(model: AttentionOnlyTransformer, sequences: Int[np.ndarray, "t S"], total: Sum = at_once) -> Logits:
    """Project queries, keys and values of every position; add one head after another to the skip connection.

    Args:
        model: whose logits.
        sequences: of which.
        total: the sum of the products of two arrays along their last axis.
    """
    x = model.inputs(sequences)
    inputs = x[:, None, :, None]
    query = total(x[:, -1][:, None, None], model.query)
    key, value = (total(inputs, matrices[:, None]) for matrices in (model.key, model.value))
    scores = x.dtype.type(model.score_scale) * total(query[:, :, None], key)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= total(weights, np.ones_like(weights))[..., None]
    averaged = total(weights[:, :, None], value.swapaxes(-1, -2))
    encoded = model.skip(sequences)
    for head in range(model.heads):
        encoded = encoded + total(averaged[:, head, None], model.output[head])
    return total(encoded[:, None], model.unembedding)


def multiplied_out(model: AttentionOnlyTransformer, sequences: Int[np.ndarray, "t S"]) -> Logits:
    r"""Multiply $W_{QK} = W_Q^\top W_K$ and $W_{OV} = W_O W_V$ out first; add up the heads' matrices one by one."""
    x, encoded = model.inputs(sequences), model.skip(sequences)
    for query, key, value, output in zip(model.query, model.key, model.value, model.output, strict=True):
        scores = np.einsum("td,tsd->ts", x[:, -1] @ (query.T @ key), x) * x.dtype.type(model.score_scale)
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        averaged = np.einsum("ts,tsd->td", weights / weights.sum(axis=-1, keepdims=True), x)
        encoded = encoded + averaged @ (output @ value).T
    return encoded @ model.unembedding.T


def sequential(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Add the products one after the other."""
    found = left[..., 0] * right[..., 0]
    for index in range(1, left.shape[-1]):
        found = found + left[..., index] * right[..., index]
    return found


def ascending(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Add the products one after the other, the smallest in size first."""
    products = left * right
    order = np.argsort(abs(products), axis=-1)
    return np.cumsum(np.take_along_axis(products, order, axis=-1), axis=-1, dtype=products.dtype)[..., -1]


def signs_apart(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Add the products one after the other from the most negative up, so that they cancel as late as they can."""
    return np.cumsum(np.sort(left * right, axis=-1), axis=-1, dtype=left.dtype)[..., -1]


def of(logits: Callable[..., Logits], **options: Any) -> Callable[[AttentionOnlyTransformer], Program]:
    """Turn a function of a model and sequences into what makes its program for a model."""
    return lambda model: partial(logits, model, **options)


ORDERS = {
    "batch": Order(batch, 5e10),
    "one at a time": Order(alone, 2e10),
    **{f"hidden units permuted ({n})": Order(partial(permuted, seed=n), 5e10) for n in range(1, PERMUTATIONS + 1)},
    "heads accumulated": Order(of(textbook), 2e10),
    "multiplied out": Order(of(multiplied_out), 5e10),
    "sequential sums": Order(of(textbook, total=sequential), 2e9, kept=True),
    "sorted sums": Order(of(textbook, total=ascending), 5e7, kept=True),
    "signs apart": Order(of(textbook, total=signs_apart), 5e7, kept=True),
}


def products(model: AttentionOnlyTransformer) -> int:
    """Return about how many products `textbook` takes a sequence."""
    each = (model.query_key_rank + model.head_dim) * (model.context + 1)
    return model.embedding_dim * (model.heads * each + model.vocabulary_size)


def affordable(model: AttentionOnlyTransformer, associations: int) -> list[str]:
    """Return the orders whose budget holds so many associations."""
    return [name for name, order in ORDERS.items() if associations * products(model) <= order.budget]


@checked
def right_in(
    model: AttentionOnlyTransformer, task: Associations, order: Annotated[str, OneOf(ORDERS)]
) -> Bool[np.ndarray, " T"]:
    """Return which answers have the strictly largest logit in an order.

    Args:
        model: who memorized; it computes in the type of its weights (float32 for bfloat16).
        task: what.
        order: one of `ORDERS`.
    """
    ready, found = model.ready(), []
    chosen = ORDERS[order]
    program = chosen.program(ready)
    row_bytes = 4 * ready.embedding.dtype.itemsize * products(ready) if chosen.kept else ready.row_bytes()
    for rows in chunks(task.associations, row_bytes):
        logits, answers = program(task.sequences[rows]) + ready.silence, task.answers[rows, None]
        own = np.take_along_axis(logits, answers, axis=1)
        np.put_along_axis(logits, answers, -np.inf, axis=1)
        found.append(own[:, 0] > logits.max(axis=1))
    return np.concatenate(found)
