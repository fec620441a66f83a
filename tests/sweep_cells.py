"""What the cells of the sweep's tests run."""

import os
import resource
import signal
import time
from functools import lru_cache
from pathlib import Path

import numpy as np

from attncap.sweep import Command


def draw(*, scale: float | int = 1.0, log: str = "", wait: float | int = 0.0, seed: int = 0) -> dict:
    """A number that only the options decide; says in a file that it ran."""
    time.sleep(wait)
    if log:
        with open(Path(log) / "log", "a") as file:
            file.write(f"{scale} {seed} {os.getpid()}\n")
    return {"mean": scale * float(np.random.default_rng(seed).normal(size=100).mean()), "nested": {"seed": seed}}


def product(*, size: int = 300, seed: int = 0) -> dict:
    """A matrix product, which BLAS may spread over threads."""
    matrix = np.random.default_rng(seed).normal(size=(size, size)).astype(np.float32)
    for _ in range(5):
        matrix = matrix @ matrix / np.linalg.norm(matrix)
    return {"trace": float(np.trace(matrix)), "sum": float(matrix.sum(dtype=np.float64))}


def sums() -> dict:
    """Sums that libraries take in as many parts as they have threads."""
    import jax.numpy as jnp
    from scipy.linalg.blas import sgemm

    matrix = np.random.default_rng(0).normal(size=(700, 5000)).astype(np.float32)
    return {"blas": float(sgemm(1.0, matrix, matrix, trans_b=True).sum()), "jax": float(jnp.sum(matrix))}


def threads() -> dict:
    """The threads of every library that this process has loaded."""
    from threadpoolctl import threadpool_info

    return {"threads": [pool["num_threads"] for pool in threadpool_info()]}


def wrong(*, how: str, seed: int = 0) -> dict:
    """Fails as told, one way a value of ``how``."""
    if how == "raises":
        raise ValueError(f"no such shape at seed {seed}")
    if how == "memory":
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        limits = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (used + 2**28, limits[1]))
        try:
            return {"sum": float(np.ones(2**28).sum())}
        finally:
            resource.setrlimit(resource.RLIMIT_AS, limits)
    if how == "exits":
        raise SystemExit("a library gave up")
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "list":
        return [1.0]  # type: ignore[return-value]
    if how == "object":
        return {"value": object()}
    return {"value": float(how), "array": np.array([1.0, float(how)])}


def square(*, base: int, seed: int = 0) -> dict:
    return {"square": base**2 + seed}


def squares(options: list[dict]) -> list[dict]:
    """A pack that dies of base 13 and fails at base 7, and tells its company apart."""
    if any(o["base"] == 7 for o in options):
        raise ValueError("7 is not for packs")
    if any(o["base"] == 13 for o in options):
        os.kill(os.getpid(), signal.SIGKILL)
    return [square(**o) | {"lanes": len(options)} for o in options]


packed = Command(square, squares, pack_key=lambda o: o["base"] % 2, pack_size=4)
short = Command(square, lambda options: [square(**o) for o in options][1:], pack_size=4)


def descend(*, rate: float, steps: int = 50, seed: int = 0) -> dict:
    return descents([{"rate": rate, "steps": steps, "seed": seed}])[0]


def descents(options: list[dict]) -> list[dict]:
    draws = [np.random.default_rng(o["seed"]).normal(size=(64, 15)).astype(np.float32) for o in options]
    rates = np.array([o["rate"] for o in options], np.float32)
    losses, sums = compiled(options[0]["steps"])(rates, np.stack(draws))
    return [{"loss": float(a), "sum": float(b)} for a, b in zip(losses, sums, strict=True)]


@lru_cache
def compiled(steps: int):
    """Gradient descent of one layer with JAX, one lane a cell."""
    import jax
    import jax.numpy as jnp

    def train(rate, data):
        def loss(weights):
            return jnp.mean((jnp.tanh(data[:, :10] @ weights) - data[:, 10:]) ** 2)

        start = data[:10, 10:]
        weights, _ = jax.lax.scan(lambda w, _: (w - rate * jax.grad(loss)(w), None), start, None, length=steps)
        return loss(weights), weights.sum()

    return jax.jit(jax.vmap(train))


descent = Command(descend, descents, pack_key=lambda o: o["steps"], pack_size=4)


def foretold(*, seconds: float, log: str) -> dict:
    """Say how long it will take, which nobody waits for."""
    from attncap.numerics.budget import expect

    expect(seconds, "a cell")
    with open(log, "a") as file:
        file.write("ran\n")
    return {}
