"""Facts that real language models recall, in bits, beside shuffled subjects and what their weights could hold."""

from attncap import audit
from attncap.audit.sources import load
from attncap.audit.transformer import Transformer
from attncap.data.named_models import named_model
from attncap.errors import UnmetError
from benchmarks.page import Rows, show

MODELS = ("glassllm", "smollm2")
TABLES = {"capitals": "The capital of {subject} is"}
COLUMNS = (
    "model",
    "facts",
    "first token",
    "whole answer",
    "bits",
    "of",
    "evidence",
    "subjects shuffled: bits",
    "evidence ",
    "attention could hold, at 2 bits per parameter",
    "perceptrons",
)


def main() -> None:
    """Print the table."""
    show(*table())


def table() -> tuple[tuple[str, ...], Rows]:
    """Return a row a model and table."""
    rows = []
    for name in MODELS:
        try:
            model = load(named_model(name))
        except UnmetError as error:
            rows.append([f"{name}: {error}", *[""] * (len(COLUMNS) - 1)])
            continue
        assert isinstance(model, Transformer)
        rows += [row(name, audit.fact_recall(model, source, template=prompt)) for source, prompt in TABLES.items()]
    return COLUMNS, rows


def row(name: str, found: audit.FactRecall) -> list[str]:
    """Write one recall."""
    held = found.could_hold
    return [
        name,
        f"{found.facts:,} of {found.table}",
        f"{found.first_token:.1%}",
        f"{found.recall:.1%}",
        f"{found.bits:,.0f}",
        f"{found.bits_of_table:,.0f}",
        f"{found.evidence:,.0f}",
        f"{found.shuffled['bits']:.0f}",
        f"{found.shuffled['evidence']:.1f}",
        f"{held['attention'].allenzhu2025:,.0f}",
        f"{held['mlp'].allenzhu2025:,.0f}",
    ]


if __name__ == "__main__":
    main()
