"""Distributions of which a part is stored: what the others lose, beside the bounds."""

import numpy as np

from attncap import construct, tasks
from benchmarks.page import Rows, show

SIDE, DIM = 50, 10
ROWS = ((249, None), (240, None), (240, 1205), (200, None), (200, 0))
COLUMNS = ("heads", "stored", "$\\varepsilon$", "encoder (nats)", "excess (nats)", "quadratic bound", "Theorem 1")


def main() -> None:
    """Print the table."""
    show(*table())


def table() -> tuple[tuple[str, ...], Rows]:
    """Return a row a number of heads and of stored sequences."""
    rng = np.random.default_rng(0)
    pi = rng.dirichlet(np.ones(SIDE), SIDE**2)
    sequences = np.stack(np.unravel_index(rng.permutation(SIDE**2), (SIDE, SIDE)), axis=1)
    task = tasks.distributions(pi, 1 / np.arange(1, SIDE**2 + 1), sequences)
    rows = []
    for heads, stored in ROWS:
        fit = construct.distribution(task, DIM, heads=heads, stored=stored, starts=1)
        measured = (fit.excess["float64"], fit.bounds["quadratic"], fit.bounds["paper"])
        shares = (f"{fit.epsilon:.2g}", f"{fit.encoder.kl:.4g}")
        rows.append([f"{heads}", f"{fit.stored:,}", *shares, *(f"{value:.2g}" for value in measured)])
    return COLUMNS, rows


if __name__ == "__main__":
    main()
