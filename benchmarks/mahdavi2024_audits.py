"""Table 1, Figure 1 and the language models of Mahdavi et al. 2024, on the models that install from PyPI."""

from typing import Any

from attncap.errors import UnmetError
from attncap.papers.mahdavi2024.audit import FIGURE1, TABLE1, TEXT, figure1, table1, text
from benchmarks.page import Rows, show

COLUMNS = (
    "model",
    "vectors",
    "n of d",
    "A1",
    "A1 at 197 / 768 d",
    "A2",
    "A3",
    "ranks of d queries",
    "paper: A1",
    "paper: ranks of d queries",
)
NAMES = {"bert": "MiniLM", "llama (GGUF)": "SmolLM2"}


def main() -> None:
    """Print the table."""
    show(*table())


def table() -> tuple[tuple[str, ...], Rows]:
    """Return a row a representation, images first, and one of Figure 1."""
    try:
        return COLUMNS, [*images(), half(), *texts()]
    except UnmetError as error:
        return COLUMNS, [[str(error), *[""] * (len(COLUMNS) - 1)]]


def images() -> Rows:
    """Write Table 1."""
    rows = []
    for found in table1("quick", 0).table.rows(named=True):
        theirs: Any = TABLE1[found["representation"]]
        low, high = theirs["ranks"]
        rows.append(["DINOv2-small", *measured(found), f"{theirs['A1']:.3f}", f"{low} to {high} of 768"])
    return rows


def half() -> list[str]:
    """Write where half of the subsets of Figure 1 are of full rank, by n / d."""
    found = figure1("quick", 0).measured
    ours, theirs = (f"half are whole up to {found[key]:.2f} d" for key in ("half_at", "published_half_at"))
    setting: Any = FIGURE1["setting"]
    return ["DINOv2-small", f"{setting['representation']}, Figure 1", "", ours, *[""] * 4, theirs, ""]


def texts() -> Rows:
    """Write what the paper's text says of BERT and GPT-2."""
    rows = []
    for found in text("quick", 0).table.rows(named=True):
        theirs: Any = TEXT[found["beside"]]
        name = f"{NAMES.get(found['model'], found['model'])} for {found['beside']}, {found['weights']}"
        vectors, size, first, _, *others = measured(found)  # 197 / 768 is the images'
        rows.append([name, vectors, size, first, "", *others, f"{theirs[found['representation']]:.3f}", ""])
    return rows


def measured(found: dict[str, Any]) -> list[str]:
    """Write one representation."""
    shares = (f"{found[key]:.3f}" for key in ("A1", "A1_at_the_paper_s_n_over_d", "A2", "A3"))
    return [found["representation"], f"{found['context']} of {found['dimension']}", *shares, found["ranks"]]


if __name__ == "__main__":
    main()
