"""Run a model in every type, prove what can be proved of its answers and measure the rest."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from attncap.constraints import checked
from attncap.measure.certificate import certificates
from attncap.measure.orders import affordable, right_in
from attncap.measure.tokens import Recall, counted, margins
from attncap.models import DTYPES, AttentionOnlyTransformer, TokenModel
from attncap.progress import bar
from attncap.tasks import Associations


@checked
def verify(model: TokenModel, task: Associations, dtypes: Sequence[str] = DTYPES) -> dict[str, Recall]:
    """Run a model on every sequence in several types, and prove or measure that rounding changes no answer.

    Args:
        model: the reference, in float64.
        task: what it memorized.
        dtypes: the types to round its weights to.

    Returns:
        One `Recall` a type. Where every answer is right, one layer of attention has its certificate, and where that
        does not hold in the arithmetic of the type, the orders in which it was measured.
    """
    answerable = slice(None) if model.unembedding_rows is None else model.unembedding_rows
    cast = {dtype: model.astype(dtype).ready() for dtype in dtypes}
    found: dict[str, list[np.ndarray]] = {dtype: [] for dtype in dtypes}
    deviation = dict.fromkeys(dtypes, 0.0)
    with bar("verify every sequence", task.associations) as advance:
        for rows, reference in model.logits(task.sequences):
            for dtype, other in cast.items():
                logits = reference if dtype == model.dtype else other.forward(task.sequences[rows])
                apart = np.abs(logits[:, answerable] - reference[:, answerable])
                deviation[dtype] = max(deviation[dtype], float(apart.max()))
                found[dtype].append(margins(logits, task.answers[rows]))
            advance(rows.stop - rows.start)
    recalls = {}
    for dtype in dtypes:
        leads = np.concatenate(found[dtype])
        proof = _proof(model, task, dtype) if (leads > 0).all() else {"certified": False}
        recalls[dtype] = counted(leads, deviation=deviation[dtype], **proof)
    return recalls


def _proof(model: TokenModel, task: Associations, dtype: str) -> dict[str, Any]:
    """Return what is known of the answers of a model that recalls all of them with weights of a type."""
    if not isinstance(model, AttentionOnlyTransformer):
        return {"certified": False, "measured": ("batch",)}
    tried = certificates(model, task, dtype)
    own, named = tried[0], next((each for each in tried if each.certified), tried[0])
    rounded = model.astype(dtype)
    orders = ["batch"] if own.certified else affordable(rounded, task.associations)
    return {
        "certified": own.certified,
        "measured": tuple(name for name in orders if name == "batch" or right_in(rounded, task, name).all()),
        "certified_associations": named.associations,
        "arithmetic": named.arithmetic,
        "bound": named.bound,
        "needed": own.bound,
    }
