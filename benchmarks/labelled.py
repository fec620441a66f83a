"""A training step on labelled examples against PyTorch: all rows as the authors write it, in one product, one row."""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from statistics import median
from typing import Any

import numpy as np

from attncap.tasks import Examples, uniform_examples
from attncap.train.labelled.architecture import LayerArchitecture
from attncap.train.labelled.problem import Lane
from attncap.train.labelled.recipes import PAPER
from attncap.train.loop.lanes import train
from benchmarks.page import Rows, show

T, N, D, H, C, BATCH = 10_000, 32, 64, 20, 100, 256
SHAPE = LayerArchitecture(N, D, D, H, C)
STEPS, ROUNDS = 500, 3
# Steps of each of PyTorch's: they take from 2 to 300 ms.
TORCH_STEPS = {"all rows, a head a batch": 4, "all rows, one product": 8, "one row, key folded": 100}
LARGEST = 130_000
MEMORY = """
from dataclasses import replace
from resource import RUSAGE_SELF, getrusage
from attncap.tasks import uniform_examples
from attncap.train.labelled.architecture import LayerArchitecture
from attncap.train.labelled.problem import Lane
from attncap.train.labelled.recipes import PAPER
from attncap.train.loop.lanes import train
task = uniform_examples({count}, 32, 64, 100)
train([Lane(task, LayerArchitecture(32, 64, 64, 4, 100), 0)], replace(PAPER, steps=8, segment=8, epochs=0))
print(getrusage(RUSAGE_SELF).ru_maxrss * 1024)
"""
COLUMNS = ("contexts", "program", "ms per step", "times ours")


def main() -> None:
    """Print the table, and the memory that the most examples of the paper take."""
    show(*table())
    print(f"peak memory at T = {LARGEST:,}, distinct contexts: {peak(LARGEST) / 1e9:.2f} GB")


def table() -> tuple[tuple[str, ...], Rows]:
    """Return a row a program, for distinct contexts and a shared one; medians of rounds in turn."""
    rows = []
    for contexts in ("distinct", "shared"):
        task = uniform_examples(T, N, D, C, contexts=contexts)
        programs: dict[str, Callable[[], float]] = {"attncap": partial(ours, task)}
        programs |= {name: partial(torch_step, name, task) for name in TORCH_STEPS}
        taken: dict[str, list[float]] = {name: [] for name in programs}
        for _ in range(ROUNDS):
            for name, run in programs.items():
                taken[name].append(run())
        own = median(taken["attncap"])
        for name, times in taken.items():
            middle = median(times)
            rows.append((contexts, name, f"{1e3 * middle:.2f}", f"{middle / own:.1f}"))
    return COLUMNS, rows


def peak(count: int) -> int:
    """Return the most bytes of a process that draws so many examples of distinct contexts and trains on them."""
    found = subprocess.run(
        [sys.executable, "-c", MEMORY.format(count=count)], capture_output=True, text=True, check=True
    )
    return int(found.stdout)


def ours(task: Examples) -> float:
    """Return the seconds of a step of ours, without looks at the whole task."""
    run = train([Lane(task, SHAPE, 0)], replace(PAPER, steps=STEPS, epochs=0, evaluate=0))
    return run.seconds_train / STEPS


def torch_step(name: str, task: Examples) -> float:
    """Return the seconds of a step of PyTorch's: gather, forward, backward and Adam."""
    import torch

    torch.manual_seed(0)
    forward, leaves = torch_model(name, {k: torch.tensor(x) for k, x in drawn().items()})
    optimizer = torch.optim.Adam(leaves, lr=1e-3)
    shared = task.shared
    contexts = torch.from_numpy(task.contexts[0].copy() if shared else task.contexts)
    queries, labels = torch.from_numpy(task.queries), torch.from_numpy(task.labels.argmax(axis=1))
    order = torch.randperm(T)
    started = 0.0
    for step in range(-1, TORCH_STEPS[name]):
        if step == 0:
            started = time.perf_counter()
        rows = order[(step + 1) % (T // BATCH) * BATCH :][:BATCH]
        own = contexts.expand(BATCH, N, D) if shared else contexts[rows]
        loss = torch.nn.functional.cross_entropy(forward(own, queries[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return (time.perf_counter() - started) / TORCH_STEPS[name]


def drawn() -> dict[str, Any]:
    """Draw the weights that all programs start from."""
    return SHAPE.initial(np.random.default_rng(0))


def torch_model(name: str, tensors: dict[str, Any]) -> tuple[Callable[[Any, Any], Any], list[Any]]:
    """Return a forward pass in PyTorch and the tensors that it trains."""
    import torch

    from attncap.models.embedded_attention import sinusoids

    leaves = {key: torch.nn.Parameter(tensor) for key, tensor in tensors.items()}
    w, b, q, k, v, o, out, c = leaves.values()
    places = torch.tensor(sinusoids(N + 1, D), dtype=torch.float32)
    mask = torch.zeros(N + 1)
    mask[0] = -torch.inf

    def embedded(contexts: Any, queries: Any) -> Any:
        rows = torch.cat([queries[:, None], contexts], dim=1)
        return torch.nn.functional.linear(rows, w, b) + places

    def heads_in_batches(contexts: Any, queries: Any) -> Any:
        x = embedded(contexts, queries)[:, None]
        asked, keys, values = (x @ each.transpose(1, 2) for each in (q, k, v))
        weights = torch.softmax(asked @ keys.transpose(2, 3) / 8 + mask, dim=-1)
        return (weights @ values @ o.transpose(1, 2)).sum(dim=1)[:, 0] @ out.T + c

    def one_product(contexts: Any, queries: Any) -> Any:
        x = embedded(contexts, queries)
        count = len(x)
        projected = torch.nn.functional.linear(x, torch.cat([q.flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1)]))
        asked, keys, values = projected.split([H * D, H * D, H], dim=-1)
        asked, keys = (each.view(count, N + 1, H, D).transpose(1, 2) for each in (asked, keys))
        weights = torch.softmax(asked @ keys.transpose(2, 3) / 8 + mask, dim=-1)
        mixed = (weights @ values.transpose(1, 2)[..., None])[..., 0]
        return (mixed.transpose(1, 2) @ o[:, :, 0])[:, 0] @ out.T + c

    def one_row(contexts: Any, queries: Any) -> Any:
        added = b + places
        asked = torch.nn.functional.linear(queries, w) + added[0]
        folded = fold(asked)
        if contexts.stride(0) == 0:
            tokens = torch.nn.functional.linear(contexts[0], w) + added[1:]
            scores, values = folded @ tokens.T, (tokens @ v[:, 0].T).T
        else:
            raw = folded @ w
            scores = raw @ contexts.transpose(1, 2) + folded @ added[1:].T
            values = (contexts @ (v[:, 0] @ w).T + added[1:] @ v[:, 0].T).transpose(1, 2)
        mixed = (torch.softmax(scores / 8, dim=-1) * values).sum(dim=-1)
        return mixed @ o[:, :, 0] @ out.T + c

    def fold(asked: Any) -> Any:
        projected = (asked @ q.flatten(0, 1).T).view(-1, H, D)
        return (projected.transpose(0, 1) @ k).transpose(0, 1)

    forward = {
        "all rows, a head a batch": heads_in_batches,
        "all rows, one product": one_product,
        "one row, key folded": one_row,
    }[name]
    return forward, list(leaves.values())


if __name__ == "__main__":
    main()
