"""Organisms: methods of forgetting scored on sets of one to a thousand facts, a subject, a relation and an answer."""

import tempfile
from pathlib import Path

from attncap import memory
from attncap.memory.scoring import METHODS, Score
from benchmarks.page import Rows, show

COLUMNS = ("forget set", "facts", "method", "evidence", "p", "read", "turned", "others kept", "KL", "forgot")
SPECS = {
    "random": """
sources = ["random:50,2,1100"]
shapes = [{embedding_dim = 16}]
[[forget]]
name = "1"
size = 1
[[forget]]
name = "10"
size = 10
[[forget]]
name = "100"
size = 100
[[forget]]
name = "1000"
size = 1000
""",
    "elements": """
sources = ["elements"]
shapes = [{embedding_dim = 16}]
[[forget]]
name = "subject"
subject = "iron"
[[forget]]
name = "relation"
relation = "symbol"
[[forget]]
name = "answer"
answer = "14"
""",
}


def main() -> None:
    """Print the table."""
    show(*table())


def table() -> tuple[tuple[str, ...], Rows]:
    """Return the table."""
    home, found = Path(tempfile.mkdtemp(prefix="attncap-organisms-")), []
    for name, spec in SPECS.items():
        (home / f"{name}.toml").write_text(spec)
        memory.organism(home / f"{name}.toml", home / name)
        scores = {method: memory.score(home / name, method).scores for method in METHODS}
        for each in zip(*scores.values(), strict=True):
            found += [told(name, method, one) for method, one in zip(scores, each, strict=True)]
    return COLUMNS, found


def told(name: str, method: str, one: Score) -> list[str]:
    """Return a row of the table."""
    return [
        f"{name}: {one.forget_set}",
        f"{one.facts:,}",
        method,
        f"{one.evidence:.1f}",
        f"{one.rank_p:.2f}",
        f"{one.recovered['logits']:,}",
        f"{one.recovered['turned']:,}",
        f"{one.recall_kept:.1%}",
        f"{one.kl_retain:.2g}",
        "yes" if one.forgotten else "no",
    ]


if __name__ == "__main__":
    main()
