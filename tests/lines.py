"""A line of every command, and the place that they run in."""

from pathlib import Path

import numpy as np

from attncap import archive, construct, tasks

SHAPE = "--vocabulary 50 --context 2 --embedding-dim 10 --head-dim 10 --heads 20"
# Each takes a moment; the lines write their outputs to names that begin with "made".
LINES = {
    "memorize": "memorize table.csv --embedding-dim 8 --out made",
    "recall": "recall memory Peru capital",
    "recall --file": "recall memory --file table.csv",
    "verify": "verify memory",
    "report": "report memory --out made.html",
    "edit": "edit memory --set Peru capital Suva --out made",
    "forget": "forget memory Fiji capital --out made",
    "compare": "compare memory other --facts table.csv",
    "explain": "explain memory Peru capital --plot made.svg",
    "export": "export memory --to transformer-lens --out made",
    "organism": "organism organism.toml --out made",
    "bounds": f"bounds {SHAPE}",
    "plan": "plan table.csv --plot made.svg",
    "encode": "encode task.npz --embedding-dim 2",
    "train": "train random:10,2,20 --embedding-dim 4 --heads 1 --seeds 1 --steps 64 --plot made.svg",
    "train --kind examples": "train --kind examples --count 20 --context 4 --embedding-dim 8 --heads 1 --seeds 1 "
    "--steps 64 --plot made.svg",
    "capacity": "capacity --vocabulary 10 --context 2 --embedding-dim 4 --heads 2 --method theorem --seeds 1",
    "capacity --kind examples": "capacity --kind examples --context 4 --embedding-dim 8 --heads 2 --seeds 1",
    "interpolation": "interpolation --ratio 0.5 --ridge 1e-2:1:3 --plot made.svg",
    "audit": "audit layer.npz --subsets 20 --out made",
    "reproduce": "reproduce liao2025 regression-snr --out made",
    "cite": "cite dana2025",
    "sweep run": "sweep run spec.toml --out made --workers 1",
    "sweep status": "sweep status store",
    "sweep export": "sweep export store --out made.csv",
}


def furnish(home: Path) -> Path:
    """Put what the lines read into a directory; the store of the sweep is the caller's to make."""
    (home / "table.csv").write_text("country,capital\nPeru,Lima\nFiji,Suva\n")
    (home / "spec.toml").write_text('command = "interpolation"\n[fixed]\nratio = 0.5\n[product]\nridge = [0.1, 1]\n')
    (home / "organism.toml").write_text(
        'sources = ["random:10,2,12"]\nmethods = ["theorem"]\nshapes = [{embedding_dim = 4, heads = 4}]\nseeds = 1\n'
        '[[forget]]\nname = "some"\nsize = 3\n'
    )
    rng = np.random.default_rng(0)
    np.savez(home / "task.npz", pi=[[0.5, 0.5, 0.0], [0.0, 0.5, 0.5]])
    np.savez(home / "layer.npz", contexts=rng.normal(size=(20, 4, 6)), queries=rng.normal(size=(20, 6)))
    task = tasks.load(home / "table.csv")
    for name, seed in (("memory", 0), ("other", 1)):
        archive.write(construct.theorem(task, 8, seed=seed), home / name)
    return home
