"""Try the assumptions of a theorem on vectors: `python examples/audit_vectors.py OUT.svg [SUBSETS]`."""

import sys
import tempfile
from contextlib import chdir

import altair as alt
import numpy as np

from attncap import audit, plots


def draw(subsets: str = "200") -> alt.HConcatChart:
    """Draw vectors whose spectrum falls as fast as that of a model's tokens, and audit them."""
    rng = np.random.default_rng(0)
    fall = np.arange(1, 65) ** -4.0
    contexts, queries = rng.standard_normal((300, 8, 64)) * fall, rng.standard_normal((300, 64)) * fall
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        np.savez("vectors.npz", contexts=contexts.astype(np.float32), queries=queries.astype(np.float32))
        found = audit.audit("vectors.npz", subsets=int(subsets))
    print(found)
    return plots.audit_chart(found)


def main(out: str, subsets: str = "200") -> None:
    """Save the figure."""
    plots.save(draw(subsets), out, force=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
