"""Distributions of which a part is stored: what the others lose, beside the bounds; the table of the docs."""

import numpy as np
from rich.console import Console
from rich.table import Table

from attncap import construct, tasks
from benchmarks.machine import describe

SIDE, DIM = 50, 10
ROWS = ((249, None), (240, None), (240, 1205), (200, None), (200, 0))


def main() -> None:
    rng = np.random.default_rng(0)
    pi = rng.dirichlet(np.ones(SIDE), SIDE**2)
    sequences = np.stack(np.unravel_index(rng.permutation(SIDE**2), (SIDE, SIDE)), axis=1)
    task = tasks.distributions(pi, 1 / np.arange(1, SIDE**2 + 1), sequences)
    table = Table("heads", "stored", "epsilon", "excess (nats)", "quadratic bound", "Theorem 1", title=describe())
    for heads, stored in ROWS:
        fit = construct.distribution(task, DIM, heads=heads, stored=stored, starts=1)
        measured = (fit.epsilon, fit.excess["float64"], fit.bounds["quadratic"], fit.bounds["paper"])
        table.add_row(f"{heads}", f"{fit.stored:,}", *(f"{value:.2g}" for value in measured if value is not None))
    table.caption = f"the encoder leaves {fit.encoder.kl:.4g} nats"
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
