"""The physical solution of a pencil's Dyson equation, followed from large z down to where it is wanted.

At large z the solution is unique and close to Sigma = 0. From elsewhere Newton's method also finds roots that belong
to no random matrix, so the branch is followed down in log z: extrapolate, correct by Newton, accept the step only if
the result can be the trace of a positive matrix's resolvent, and change the step's length with the success.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float, Inexact

from attncap.errors import UnmetError
from attncap.interpolation.pencil import Pencil
from attncap.progress import bar

CONVERGED = 1e-7  # Newton's last change; what is left is its square, or round-off (near c = 1 G's entries span 1e6)
SLACK = 1e-9
NEAR = 0.1  # what extrapolation may be off by, in a solution's largest entry
LONGEST, SHORTEST = 2.0, 1e-4  # steps in log z
FINENESS = 100 / np.log(10)  # of the bar


@dataclass(frozen=True)
class State:
    """The solution at one z of every member of a batch, and its derivative in log z."""

    log_z: Inexact[np.ndarray, " batch"]
    entries: Inexact[np.ndarray, "batch unknowns"]
    slope: Inexact[np.ndarray, "batch unknowns"]
    trace: Inexact[np.ndarray, " batch"]  # G_uu


def descend(
    pencil: Pencil, ratio: Float[np.ndarray, " batch"], start: float, targets: Float[np.ndarray, " targets"]
) -> Iterator[State]:
    """Yield the physical solution at each target, largest first.

    Args:
        pencil: the pencil.
        ratio: c = p/n of each member of the batch.
        start: a ridge so large that Newton converges from Sigma = 0.
        targets: ridges g = c z in decreasing order.

    Raises:
        UnmetError: the branch was lost (the step shrank to nothing).
    """
    weights = pencil.weigh(ratio)
    shift = np.log(ratio)
    position, step = np.log(max(start, targets[0])), LONGEST
    state = correct(pencil, weights, position - shift, np.zeros((len(ratio), pencil.unknowns)))
    if state is None:
        raise UnmetError(f"the Dyson equation did not converge at its starting ridge {np.exp(position):.3g}")
    before = None
    with bar(
        "follow the ridge down (% of a factor of 10)", int(FINENESS * (position - np.log(targets[-1])))
    ) as advance:
        for target in np.log(targets):
            while position > target:
                ahead = max(position - step, target)
                guess = extrapolate(before, state, ahead - shift)
                found = correct(pencil, weights, ahead - shift, guess)
                if found is not None and physical(state, found):
                    advance(int(FINENESS * (position - ahead)))
                    before, state, position = state, found, ahead
                    step = min(1.6 * step, LONGEST)
                    continue
                step = 0.4 * (position - ahead)
                if step < SHORTEST:
                    raise UnmetError(f"lost the physical branch of the Dyson equation at ridge {np.exp(position):.3g}")
            yield state


def approach(
    pencil: Pencil, ratio: Float[np.ndarray, " batch"], start: float, ridge: Complex[np.ndarray, " batch"]
) -> State:
    r"""Return the physical solution at complex ridges $g = -\zeta$ of no positive imaginary part.

    From far up the imaginary axis of $\zeta$ each member comes straight down to its own place, where it must stay the
    transform of a measure: $\mathrm{Im}\, G_{uu} > 0$. A step is short enough if the extrapolation foresees its end.

    Args:
        pencil: the pencil.
        ratio: c = p/n of each member of the batch.
        start: a height so large that Newton converges from Sigma = 0.
        ridge: the places g = c z.

    Raises:
        UnmetError: the branch was lost (the step shrank to nothing).
    """
    weights = pencil.weigh(ratio)
    ends = np.log(np.where(ridge.imag < 0, -0.1 * ridge.imag, 1e-6 * np.abs(ridge)))
    fall = np.log(start) - ends

    def place(way: float | int) -> Complex[np.ndarray, " batch"]:
        """Return log z after a share of the way down, all of it but the last bit at 1, at the end beyond."""
        above = np.exp(ends + (1 - way) * fall) if way <= 1 else 0.0
        return np.log(ridge - 1j * above) - np.log(ratio)

    way, step, before = 0.0, LONGEST / fall.max(), None
    longest, shortest = step, SHORTEST / fall.max()
    state = correct(pencil, weights, place(way), np.zeros((len(ratio), pencil.unknowns), dtype=complex))
    if state is None:
        raise UnmetError(f"the Dyson equation did not converge at its starting height {start:.3g}")
    while way < 1:
        ahead = min(way + step, 1.0)
        guess = extrapolate(before, state, place(ahead))
        found = correct(pencil, weights, place(ahead), guess)
        if found is not None and foreseen(guess, found) and np.all(found.trace.imag > 0):
            before, state, way, step = state, found, ahead, min(1.6 * step, longest)
            continue
        step *= 0.4
        if step < shortest:
            raise UnmetError(f"lost the physical branch of the Dyson equation after {way:.0%} of the way down")
    last = correct(pencil, weights, place(2), extrapolate(before, state, place(2)))
    if last is None:
        raise UnmetError("the Dyson equation did not converge on the last step to its place")
    return last


def foreseen(guess: np.ndarray, found: State) -> bool:
    """Tell whether the extrapolation came near the solution, so that Newton's method stayed on its branch."""
    size = np.abs(found.entries).max(axis=1, keepdims=True)
    return bool(np.all(np.abs(found.entries - guess) <= NEAR * size))


def correct(
    pencil: Pencil,
    weights: Float[np.ndarray, "batch terms"],
    log_z: Inexact[np.ndarray, " batch"],
    entries: Inexact[np.ndarray, "batch unknowns"],
) -> State | None:
    """Solve Sigma = S(G) by Newton's method from a guess; None if it does not converge."""
    z = np.exp(log_z)
    try:
        green = np.linalg.inv(pencil.operator(z, entries))
        for _ in range(12):
            residual = pencil.average(weights, green) - entries
            entries = entries + solve(pencil.jacobian(weights, green), residual)
            previous, green = green, np.linalg.inv(pencil.operator(z, entries))
            if distance(previous, green) < CONVERGED:
                break
        else:
            return None
        # d Sigma / d log z = (1 - S G G)^-1 S(-z G e_u e_u^T G)
        source = -z[:, None, None] * green[:, :, :1] * green[:, :1, :]
        slope = solve(pencil.jacobian(weights, green), pencil.average(weights, source))
    except np.linalg.LinAlgError:
        return None
    return State(log_z, entries, slope, green[:, 0, 0])


def solve(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Solve a batch of linear systems, one right-hand side each."""
    return np.linalg.solve(matrix, vector[..., None])[..., 0]


def distance(old: np.ndarray, new: np.ndarray) -> float:
    """Return the largest change of an entry against the geometric mean of its row's and its column's largest."""
    size = np.abs(new)
    scale = np.sqrt(size.max(-1)[..., :, None] * size.max(-2)[..., None, :])
    return float(np.max(np.abs(new - old) / np.where(scale > 0, scale, 1)))


def extrapolate(before: State | None, state: State, log_z: Inexact[np.ndarray, " batch"]) -> np.ndarray:
    """Continue the cubic through the last two solutions and slopes, or the tangent of the only one."""
    ahead = (log_z - state.log_z)[:, None]
    if before is None:
        return state.entries + ahead * state.slope
    width = (state.log_z - before.log_z)[:, None]
    chord = (state.entries - before.entries) / width
    second = (state.slope - chord) / width
    third = (state.slope + before.slope - 2 * chord) / width**2
    return state.entries + ahead * (state.slope + ahead * (second + (ahead + width) * third))


def physical(above: State, below: State) -> bool:
    """Tell whether G_uu can be the normalised trace of (M^T M + z)^-1 at two values of z."""
    z = np.exp(below.log_z)
    bounded = (below.trace > 0) & (z * below.trace <= 1 + SLACK)
    falls = below.trace >= above.trace * (1 - SLACK)
    rises = z * below.trace <= np.exp(above.log_z) * above.trace * (1 + SLACK)
    return bool(np.all(bounded & falls & rises))
