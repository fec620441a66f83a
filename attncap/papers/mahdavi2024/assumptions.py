"""The paper's assumptions, tested on vectors as a vision transformer's: Table 1 and Figure 1 on random attention."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float

from attncap.papers.figure import Drawing
from attncap.papers.mahdavi2024.settings import Scale
from attncap.plots.labelled import shares_chart
from attncap.progress import track

# Images, tokens with the class token, dimensions, random subsets; the paper's are of google/vit-base-patch16-224.
SIZES: Mapping[Scale, tuple[int, int, int, int]] = {"quick": (400, 25, 96, 200), "paper": (1973, 197, 768, 5000)}
SUBSETS = 24
# Patches of images vary along few directions: their spectrum falls as k^-1, ours as steeply.
DECAY = 1.0
PASSES = 0.99
PUBLISHED = {
    "setting": "google/vit-base-patch16-224-in21k on 1,973 images of ImageNet-1k, n = 197, d = 768",
    "assumption 2": "every context has rank n, in all four representations",
    "assumption 1": {"Embedding": 0.0, "RandAtt": 1.0, "RandViT": 1.0, "trained": 0.9982},
    "general position": 0.0,
    "assumption 3": 1.0,
    "Figure 1, RandAtt": {1: 1.0, 231: 1.0, 241: 0.996, 251: 0.988, 261: 0.954, 271: 0.864, 281: 0.718, 291: 0.49,
                          301: 0.257, 311: 0.092, 321: 0.026, 331: 0.002, 341: 0.0},
}  # fmt: skip


def representations(scale: Scale, seed: int) -> dict[str, Float[np.ndarray, "T n d"]]:
    """Return embeddings of synthetic images, and the same after one layer of random attention.

    An embedding is a class token, the same in every image, and patches of decaying spectrum around a common mean, with
    positions. RandAtt adds one head of Xavier weights over the layer-normed embedding.
    """
    images, tokens, d, _ = SIZES[scale]
    rng = np.random.default_rng(seed)
    position, mean, token = (0.02 * rng.standard_normal(size) for size in ((tokens, d), d, d))
    spectrum = np.arange(1, d + 1) ** -DECAY
    basis = np.linalg.qr(rng.standard_normal((d, d)))[0]
    x = np.empty((images, tokens, d), np.float32)
    for each in x:
        each[1:] = (rng.standard_normal((tokens - 1, d)) * spectrum) @ basis + mean
        each[0] = token
        each += position
    query, key, value, output = (
        rng.uniform(-1, 1, (d, d)).astype(np.float32) * np.float32((6 / (2 * d)) ** 0.5) for _ in range(4)
    )
    attended = np.empty_like(x)
    for each, one in zip(x, attended, strict=True):
        normed = (each - each.mean(axis=1, keepdims=True)) / each.std(axis=1, keepdims=True)
        scores = (normed @ query) @ (normed @ key).T / d**0.5
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        one[:] = each + weights / weights.sum(axis=1, keepdims=True) @ normed @ value @ output
    return {"Embedding": x, "RandAtt": attended}


def full_rank(subset: Float[np.ndarray, "k d"]) -> bool:
    """Say whether vectors are independent at NumPy's tolerance."""
    return bool(np.linalg.matrix_rank(subset) == len(subset))


def share(queries: Float[np.ndarray, "T d"], size: int, draws: int, rng: np.random.Generator) -> float:
    """Return the share of random subsets of a size that are independent."""
    return float(np.mean([full_rank(queries[rng.choice(len(queries), size, replace=False)]) for _ in range(draws)]))


def spectrum(queries: Float[np.ndarray, "T d"]) -> dict[str, Any]:
    """Return the numerical ranks of queries as they are, centred, and in float64, and how far their spectrum falls."""
    centred = queries - queries.mean(axis=0)
    values = np.linalg.svd(queries.astype(np.float64), compute_uv=False)
    return {
        "rank, float32": int(np.linalg.matrix_rank(queries)),
        "rank, centred": int(np.linalg.matrix_rank(centred)),
        "rank, float64": int(np.linalg.matrix_rank(queries.astype(np.float64))),
        "smallest singular value over the largest": float(values[-1] / values[0]),
    }


def table1(scale: Scale, seed: int) -> Drawing:
    """Test Assumptions 1 to 3 and general position on each representation."""
    images, tokens, d, draws = SIZES[scale]
    rng = np.random.default_rng([seed, 1])
    rows = []
    for name, x in representations(scale, seed).items():
        queries = x[:, 0]
        independent = [full_rank(each) for each in track(x, f"contexts of {name}")]
        found = share(queries, tokens, draws, rng)
        rows.append(
            {
                "representation": name,
                "assumption 2: contexts of rank n": float(np.mean(independent)),
                "assumption 1: subsets of n queries": found,
                "assumption 1 passes": found >= PASSES,
                "general position: subsets of d": share(queries, min(d, images), max(1, draws // 20), rng),
                "assumption 3: subsets of e + mean of E": share(queries + x.mean(axis=1), tokens, draws, rng),
                **spectrum(queries),
            }
        )
    says = f"synthetic images: T = {images}, n = {tokens}, d = {d}, {draws} subsets; random subsets bound the share of "
    return Drawing({"rows": rows, "setting": says + "dependent ones, and no Kruskal rank"}, pl.DataFrame(rows))


def figure1(scale: Scale, seed: int) -> Drawing:
    """Draw the share of independent subsets of queries against their size."""
    images, tokens, d, draws = SIZES[scale]
    rng = np.random.default_rng([seed, 2])
    sizes = np.unique(np.append(np.linspace(1, min(d, images), SUBSETS).astype(int), tokens))
    rows = [
        {"series": name, "size": int(size), "value": share(x[:, 0], int(size), draws, rng)}
        for name, x in representations(scale, seed).items()
        for size in track(sizes.tolist(), f"subsets of {name}")
    ]
    table = pl.DataFrame(rows)
    note = [
        f"Mahdavi et al. 2024, Figure 1, on synthetic images: T = {images}, n = {tokens}, d = {d}",
        f"{draws} random subsets per point, float32, default tolerance",
    ]
    title = "Queries that are independent, by the size of a subset"
    return Drawing(
        {"shares": rows}, table, shares_chart(table, x="size", y="share of full rank", title=title, note=note)
    )


def minutes(scale: Scale) -> float:
    """Estimate the minutes of one core."""
    return 0.5 if scale == "quick" else 240.0
