"""One attention layer: what it memorizes by construction and at random, and how exactly."""

from attncap import construct, tasks
from attncap.errors import UnmetError
from benchmarks.page import Rows, show

N, D, HEAD_DIM, HEADS = 32, 64, 32, 20
SEEDS = 3
# Contexts, method, T.
CASES = (
    ("distinct", "theorem", 621),
    ("distinct", "lstsq", 1280),
    ("shared", "theorem", 621),
    ("shared", "lstsq", 621),
    ("shared", "lstsq", 622),
)
COLUMNS = ("contexts", "method", "T", "rank", "float64", "float32", "bfloat16")


def main() -> None:
    """Print the table."""
    show(*table())


def table() -> tuple[tuple[str, ...], Rows]:
    """Return a row a case: the largest residual over the seeds in each type."""
    return COLUMNS, [row(*case) for case in CASES]


def row(contexts: str, method: str, count: int) -> list[str]:
    """Fit every seed; where it is refused, the message has the rank."""
    residuals = []
    for seed in range(SEEDS):
        task = tasks.random_examples(count, N, D, shared=contexts == "shared", seed=seed)
        try:
            fit = construct.examples(task, HEAD_DIM, HEADS, method=method, seed=seed)
        except UnmetError as error:
            return [contexts, method, f"{count:,}", str(error).split("rank ")[1].split()[0], "refused", "", ""]
        residuals.append(list(fit.residual.values()))
    largest = (f"{max(values):.1g}" for values in zip(*residuals, strict=True))
    return [contexts, method, f"{count:,}", f"{fit.capacity['rank']:,}", *largest]


if __name__ == "__main__":
    main()
