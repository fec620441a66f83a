"""The catalogue as a table for the documentation."""

from attncap.bounds.catalogue import CATALOGUE
from attncap.bounds.sources import SOURCES


def table() -> str:
    """Print the catalogue as a Markdown table, one row a bound.

    Example:
        >>> table().splitlines()[2][:40]
        '| `dana2025` | $H d_h + d$ | lower | ass'
    """
    rows = ["| id | formula | direction | unit | constants | checked by | source |", "|---|---|---|---|---|---|---|"]
    for b in CATALOGUE.values():
        source = "; ".join(str(SOURCES[key]) for key in b.sources)
        rows.append(f"| `{b.id}` | ${b.latex}$ | {b.direction} | {b.unit} | {b.exactness} | {b.evidence} | {source} |")
    return "\n".join(rows)
