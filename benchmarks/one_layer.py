"""What one shape holds in bits: promised, constructed and trained, against heads; an hour of one core for the last."""

import math
import statistics
from collections.abc import Iterator
from importlib.resources import files

import polars as pl

from attncap import bounds
from attncap.commands.train import OPTIONS
from attncap.papers.dana2025.claims import KNOWN
from attncap.papers.stored import stored
from benchmarks.page import Rows, show

COLUMNS = ("heads", "parameters", "promised", "constructed", "trained, recipe `paper`", "trained, recipe `best`")
SHAPE = {"vocabulary": 50, "context": 2, "embedding_dim": 10, "head_dim": 10}
EACH = math.log2(SHAPE["vocabulary"])
RECIPES = ("paper", "best")


def main() -> None:
    """Print the table."""
    show(*table())


def table() -> tuple[tuple[str, ...], Rows]:
    """Return a row a number of heads: bits of the theorem, of margin mode's worse seed, and of the median of five."""
    return COLUMNS, list(rows())


def rows() -> Iterator[list[str]]:
    """Yield the rows."""
    built, learned = constructed(), trained()
    for heads in sorted(built | learned.keys()):
        promised = EACH * bounds.value("dana2025", **SHAPE, heads=heads)
        bits = [promised, built.get(heads), *learned.get(heads, (None, None))]
        size = bounds.values.complete({**SHAPE, "heads": heads})["parameters"]
        yield [str(heads), f"{size:,}", *("" if each is None else f"{each:,.0f}" for each in bits)]


def constructed() -> dict[int, float]:
    """Return the bits that margin mode held, of `python -m benchmarks.margin_law`."""
    law = pl.read_csv((files("attncap.bounds") / "margin_law.csv").read_bytes(), comment_prefix="#").filter(**SHAPE)
    return {heads: EACH * least for heads, least in law["heads", "least"].rows()}


def trained() -> dict[int, tuple[float, ...]]:
    """Return the bits of all 2,500 pairs by recipe; runs that the user's cache holds are not made again."""
    wanted = KNOWN["fig1a"]
    line = next(each for each in wanted.lines if each.options["embedding_dim"] == SHAPE["embedding_dim"])
    places = [(heads, recipe) for heads in wanted.values for recipe in RECIPES]
    cells = [{**OPTIONS, **wanted.cell(line, *place), "seed": seed} for place in places for seed in range(wanted.seeds)]
    bits = stored("train", cells)["bits"].to_list()
    medians = [statistics.median(bits[i : i + wanted.seeds]) for i in range(0, len(bits), wanted.seeds)]
    return {heads: tuple(medians[2 * i : 2 * i + 2]) for i, heads in enumerate(wanted.values)}


if __name__ == "__main__":
    main()
