r"""Real tokens in place of Gaussian ones: how far the prediction reaches when its assumptions fail.

The theory wants $X = \mu y^T + Z$ with iid standard normal Z. Two classes of real vectors are centred and either
*whitened* (the classes' common covariance becomes I) or only *scaled* (its average eigenvalue becomes 1); mu is half
the difference of the class means. Beside the prediction stand the measured error on the real vectors and on Gaussian
ones of the same mean and covariance, which tells the effect of the covariance from that of everything else.
"""

from functools import partial

import numpy as np
import polars as pl

from attncap.data.vectors import Classes, load_digits, load_words
from attncap.interpolation import error
from attncap.interpolation.real_tokens import errors_on, pick, standardise
from attncap.papers.figure import Drawing
from attncap.plots.interpolation import panels

ACTIVATION = "tanh"
RIDGES = np.geomspace(1e-3, 1e2, 6)
DRAWS = {"quick": 4, "paper": 12}


def words(scale: str, seed: int) -> Drawing:
    """Word embeddings of a sentence encoder: whole words against word pieces."""
    pieces, whole = load_words()
    # 384 dimensions; n = 768 tokens, c = 1/2.
    return real(
        (pieces, whole), 768, DRAWS[scale], seed, "Word embeddings of MiniLM-L6", "word pieces against whole words"
    )


def digits(scale: str, seed: int) -> Drawing:
    """Handwritten digits: fours against nines, in their 150 leading principal components."""
    fours, nines = load_digits(4, 9)
    both = np.concatenate([fours, nines])
    basis = np.linalg.svd(both - both.mean(axis=0), full_matrices=False)[2][:150].T
    return real(
        (fours @ basis, nines @ basis), 300, DRAWS[scale], seed, "Handwritten digits (MNIST)", "fours against nines"
    )


def real(classes: Classes, tokens: int, draws: int, seed: int, title: str, subtitle: str) -> Drawing:
    """Compare prediction, Gaussian surrogate and real vectors, whitened and scaled."""
    ratio = classes[0].shape[1] / tokens
    tables, measured, frames, summary = [], {}, {}, {}
    for kind in ("whitened", "scaled"):
        vectors, surrogate, snr, spread = standardise(classes, kind == "whitened")
        curve = error(ACTIVATION, ratio=ratio, ridge=np.geomspace(RIDGES[0], RIDGES[-1], 51), snr=snr)
        known = error(ACTIVATION, ratio=ratio, ridge=RIDGES, snr=snr).theory
        parts = [curve.frame().select("ridge", "theory", series=pl.lit("prediction"))]
        numbers = {"snr": snr, "effective_dimension": spread, "theory": known}
        for name, source in (("real vectors", partial(pick, vectors)), ("Gaussian surrogate", surrogate)):
            errors = errors_on(source, ACTIVATION, RIDGES, tokens=tokens, draws=draws, seed=seed)
            mean, std = errors.mean(axis=0), errors.std(axis=0, ddof=1)
            columns = {"ridge": RIDGES, "mean": mean, "std": std, "stderr": std / np.sqrt(draws), "series": name}
            parts.append(pl.DataFrame(columns))
            numbers[name] = mean
            summary[f"{kind}: misfit of {name}"] = round(float(np.abs(mean - known).max()), 3)
        table = pl.concat(parts, how="diagonal")
        frames[f"{kind}: SNR {snr:.1f}, effective dimension {spread:.0f} of {len(vectors[0][0])}"] = table
        tables.append(table.with_columns(kind=pl.lit(kind)))
        measured[kind] = numbers
    note = f"{subtitle}; {ACTIVATION}, diagonal zero, c = {ratio:.2g}, n = {tokens}, {draws} draws"
    chart = panels(frames, "ridge", title=title, note=["not in Liao et al. 2025", note])
    return Drawing({**summary, **measured}, pl.concat(tables), chart)
