"""Table 1: what the three results hold and the parameters they take, from the catalogue of bounds."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from attncap.bounds.catalogue import CATALOGUE
from attncap.bounds.formula import number, text
from attncap.bounds.values import complete
from attncap.papers.figure import Drawing

# In the order of the paper; its Remark 2 (W_QK of rank 1) last.
RESULTS = {
    "kim2023-token": "Kim et al. 2023, adapted to next tokens by Dana et al.",
    "mahdavi2024": "Mahdavi et al. 2024, Theorem 1",
    "dana2025": "Dana et al. 2025, Theorem 1",
    "dana2025-rank-1": "Dana et al. 2025, Remark 2: W_QK of rank 1",
}
SHAPE = {
    "embedding_dim": 64,
    "head_dim": 64,
    "value_dim": 64,
    "output_dim": 1,
    "heads": 156,
    "context": 8,
    "vocabulary": 1000,
}
PUBLISHED = {
    "Kim et al.": "any T; S + N + T log T parameters up to a constant (the text: sqrt(T log T))",
    "Mahdavi et al.": "H (dₕ - 1) + 1 associations, contexts of less than d tokens",
    "Dana et al.": "H dₕ + d associations, contexts of any length",
}


def table1(scale: str, seed: int) -> Drawing:
    """Evaluate the three results at one shape (scale and seed do not matter)."""
    rows = [row(id, name) for id, name in RESULTS.items()]
    return Drawing({**{row["result"]: held(row) for row in rows}, "shape": SHAPE, "results": rows}, pl.DataFrame(rows))


def held(row: Mapping[str, Any]) -> str:
    """Say in words what a result holds at the shape."""
    if row["associations_here"] is None:
        return f"{row['associations']} associations"
    return f"{row['associations_here']:,} associations in {row['parameters_here']:,} parameters"


def row(id: str, name: str) -> dict[str, Any]:
    """Return one result: formulas, and numbers at the shape where its constants are known."""
    bound = CATALOGUE[id]
    known = complete(SHAPE)
    order = bound.exactness == "order"
    return {
        "result": name,
        "bound": id,
        "associations": bound.order if order else text(bound.formula),
        # The output of a real label has a letter of LaTeX.
        "parameters": "P" if order else text(bound.family.parameters).replace(r"d_{\mathrm{out}}", "d_out"),
        "associations_here": None if order else int(bound.value(known)),
        "parameters_here": None if order else int(number(bound.family.parameters, known)),
        "assumes": "; ".join(each.text for each in bound.assumptions),
        "exactness": bound.exactness,
    }
