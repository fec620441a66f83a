"""Training: a step of the compiled ensemble against PyTorch's modules, and the time to the published accuracy."""

import importlib.util
import time

import jax
import numpy as np
from rich.console import Console
from rich.table import Table

from attncap import tasks, train
from attncap.tasks import Associations
from attncap.train import BEST, PAPER
from benchmarks.machine import describe

N, D, HEADS, SEEDS = 50, 10, 21, 5
TARGET = 0.86
ROUNDS, ROUND = 8, 16


def torch_step(task: Associations, threads: int) -> float:
    """Train the model as the paper describes it, a list of attention modules; return seconds per step, at the best."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    torch.set_num_threads(threads)
    embedding, unembedding = nn.Embedding(N, D), nn.Linear(D, N, bias=False)
    position = nn.Parameter(torch.randn(2, D))
    heads = nn.ModuleList(nn.MultiheadAttention(D, 1, bias=False, batch_first=True) for _ in range(HEADS))
    weights = [*embedding.parameters(), *unembedding.parameters(), position, *heads.parameters()]
    optimizer = torch.optim.Adam(weights, lr=PAPER.rate)
    mask = torch.triu(torch.ones(2, 2, dtype=torch.bool), diagonal=1)
    sequences, answers = torch.from_numpy(task.sequences).long(), torch.from_numpy(task.answers).long()

    def step() -> None:
        chosen = torch.randint(len(answers), (256,))
        tokens = embedding(sequences[chosen])
        x = tokens + position
        y = tokens + sum(head(x, x, x, attn_mask=mask, need_weights=False)[0] for head in heads)
        optimizer.zero_grad()
        nn.functional.cross_entropy(unembedding(y[:, -1]), answers[chosen]).backward()
        optimizer.step()

    best = np.inf
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for _ in range(ROUND):
            step()
        best = min(best, (time.perf_counter() - started) / ROUND)
    return best


def reached(history: np.ndarray) -> int:
    """Return the step at which the mean accuracy of the seeds first reaches the target."""
    above = np.flatnonzero(history.mean(axis=1) >= TARGET)
    return int(above[0]) if len(above) else len(history)


def main() -> None:
    """Print the table."""
    jax.config.update("jax_enable_compilation_cache", False)
    task = tasks.random_associations(N, 2, N * N, seed=0)
    title = f"Training at N = {N}, d = {D}, H = {HEADS}, on {describe()}"
    table = Table("what", "ms per model-step", "seconds to .86", "with compilation", "result", title=title)
    baseline = 0.0
    if importlib.util.find_spec("torch"):
        # Its threads, waiting for each other, can be slower than one.
        baseline = min(torch_step(task, threads) for threads in (1, 2))
        # The paper's recipe reaches .86 at its last step.
        seconds = f"{baseline * PAPER.steps:.1f}"
        table.add_row("PyTorch, a module a head", f"{1e3 * baseline:.2f}", seconds, seconds, f"{PAPER.steps} steps")
    else:
        table.add_row("PyTorch", "", "", "", "not installed: pip install 'attncap[torch]'")

    def against(seconds: float, other: float) -> str:
        return f"{seconds:.2f}" + (f" ({other / seconds:.0f}x)" if baseline else "")

    for recipe in (PAPER, BEST):
        run = train.ensemble(task, embedding_dim=D, heads=HEADS, seeds=SEEDS, recipe=recipe)
        step = run.seconds_train / len(run.history.loss) / SEEDS
        to_target, compiling = "", ""
        if recipe is BEST:
            training = step * reached(run.history.accuracy)
            to_target = against(training, baseline * PAPER.steps)
            compiling = against(training + run.seconds_compile / SEEDS, baseline * PAPER.steps)
        result = f"accuracy {run.accuracy.mean():.3f}, {run.bits_per_parameter.mean():.2f} bits per parameter"
        table.add_row(f"recipe {recipe.name}", against(1e3 * step, 1e3 * baseline), to_target, compiling, result)
    Console().print(table)


if __name__ == "__main__":
    main()
