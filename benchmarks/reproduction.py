"""The three papers in one table: what each published, and what was measured here; an hour where nothing is cached."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from attncap import construct, tasks
from attncap.papers.dana2025.claims import KNOWN
from attncap.papers.dana2025.experiments import means
from attncap.papers.mahdavi2024.assumptions import PUBLISHED, table1
from benchmarks import claims as dana2025_claims
from benchmarks import dana2025_figures, liao2025_claims, liao2025_figures, mahdavi2024_claims
from benchmarks.page import Rows, show

COLUMNS = ("paper", "result", "published", "measured here")
DANA, MAHDAVI, LIAO = "Dana et al. 2025", "Mahdavi et al. 2024", "Liao et al. 2025"
NEAR = 0.03


def main() -> None:
    """Print the table."""
    show(*table())


def table() -> tuple[tuple[str, ...], Rows]:
    """Return a row a result."""
    return COLUMNS, [*dana(), *mahdavi(), *liao()]


def dana() -> Iterator[list[str]]:
    """Build Theorem 1 at its full count, and compare accuracies and claims."""
    fit = construct.theorem(tasks.random_associations(50, 2, 500), embedding_dim=10, heads=49)
    built = fit.recall["float32"].correct
    yield [DANA, "Theorem 1, N = 50, d = 10, H = 49", f"{fit.capacity['theorem']} associations", f"{built} recalled"]
    for id in dana2025_figures.SHOWN:
        points = means(dana2025_figures.trained(id), KNOWN[id].x)
        off = (points["accuracy"] - points["published"]).to_list()
        near = sum(abs(each) <= NEAR for each in off)
        published = points["published"].to_list()
        yield [
            DANA,
            f"Figure {id.removeprefix('fig')}, {KNOWN[id].title[0].lower()}{KNOWN[id].title[1:]}",
            f"{min(published):.3f} to {max(published):.3f} at {len(off)} points",
            f"{near} of {len(off)} within {NEAR}, farthest {max(off, key=abs):+.3f}",
        ]
    yield [DANA, "claims, judged on the published data", *judged(dana2025_claims.table()[1])]


def mahdavi() -> Iterator[list[str]]:
    """Build Theorem 1 at its full count, ask one example more of one context, and judge the claims."""
    task = tasks.random_examples(621, context=32, embedding_dim=64)
    fit = construct.examples(task, head_dim=32, heads=20, method="theorem")
    fitted = "all" if fit.residual["float64"] < 1e-9 else "not all"
    result = "Theorem 1, n = 32, d = 64, H = 20"
    yield [MAHDAVI, result, f"{fit.capacity['theorem']} examples", f"{fitted} fitted, to {fit.residual['float64']:.0e}"]
    one = tasks.random_examples(11, context=2, embedding_dim=10, shared=True)
    chosen = construct.examples(one, method="chosen", heads=1)
    yield [
        MAHDAVI,
        "Proposition 2, one context, n = 2, H = 1",
        f"at most {chosen.capacity['shared']} examples",
        f"{chosen.capacity['shared']} by fixed scores, {len(one.labels)} by scores chosen for the labels",
    ]
    published: Any = PUBLISHED["assumption 1"]
    found = table1("quick", 0).table.rows(named=True)
    for each in found:
        name = each["representation"]
        yield [
            MAHDAVI,
            f"Table 1, {name}: independent subsets of n queries",
            f"{published[name]:.0%} (ViT-B/16)",
            f"{each['assumption 1: subsets of n queries']:.0%} (synthetic images)",
        ]
    yield [MAHDAVI, "claims, judged on small layers", *judged(mahdavi2024_claims.table()[1])]


def liao() -> Iterator[list[str]]:
    """Count the points at which theory and simulation agree, and judge the claims."""
    names = ("points", "agreeing")
    counts = np.array([[each["measured"][name] for name in names] for each in liao2025_figures.drawn()])
    points, agreeing = counts.sum(axis=0)
    title = f"{len(counts)} figures, limit against simulation"
    yield [LIAO, title, "they coincide", f"{agreeing} of {points} points agree"]
    yield [LIAO, "claims, two of them sharpened", *judged(liao2025_claims.table()[1])]


def judged(rows: Rows) -> tuple[str, str]:
    """Count the claims and their verdicts."""
    held = sum(row[-1] == "holds" for row in rows)
    return f"{len(rows)} claims", f"{held} hold, {len(rows) - held} do not"


if __name__ == "__main__":
    main()
