"""One attention layer: what it memorizes by construction and at random, how exactly, how fast."""

import time

from rich.console import Console
from rich.table import Table

from attncap import construct, tasks
from attncap.errors import InputError, UnmetError
from benchmarks.machine import describe

N, D, HEAD_DIM, HEADS = 32, 64, 32, 20


def main() -> None:
    table = Table("examples", "method", "T", "rank", "residual f64", "float32", "bfloat16", "CPU s", title=describe())
    for seed in range(3):
        distinct = tasks.random_examples(1280, N, D, seed=seed)
        shared = tasks.random_examples(622, N, D, shared=True, seed=seed)
        row(table, "distinct contexts", first(distinct, 621), "theorem", seed)
        row(table, "distinct contexts", distinct, "lstsq", seed)
        row(table, "shared context", first(shared, 621), "theorem", seed)
        row(table, "shared context", first(shared, 621), "lstsq", seed)
        row(table, "shared context", shared, "lstsq", seed)
    try:
        row(table, "MNIST digits (classes)", tasks.digits(1000), "lstsq", 0)
    except InputError as error:
        table.caption = str(error)
    Console().print(table)


def first(task: tasks.Examples, count: int) -> tasks.Examples:
    contexts = task.contexts[0] if task.shared else task.contexts[:count]
    return tasks.examples(contexts, task.queries[:count], task.labels[:count])


def row(table: Table, name: str, task: tasks.Examples, method: str, seed: int) -> None:
    cpu = time.process_time()
    try:
        fit = construct.examples(task, HEAD_DIM, HEADS, method=method, seed=seed)
        residual = [f"{value:.1g}" for value in fit.residual.values()]
        rank = f"{fit.capacity['rank']:,}"
    except UnmetError as error:
        residual, rank = ["refused", "", ""], str(error).split("rank ")[1].split()[0]
    table.add_row(name, method, f"{task.count:,}", rank, *residual, f"{time.process_time() - cpu:.1f}")


if __name__ == "__main__":
    main()
