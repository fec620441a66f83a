"""What makes a step of a gradient: optimizers against NumPy, and the ends of schedules."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from attncap.tasks import random_associations
from attncap.train import BEST, ensemble
from attncap.train.loop.optimizers import OPTIMIZERS
from attncap.train.loop.recipes import WARM_UP, forgetting, rates
from attncap.train.loop.soap import LARGEST, orthogonal, scale_by_soap


@pytest.mark.parametrize(("m", "n"), [(8, 2), (2, 8), (5, 5)])
def test_muon_makes_each_head_s_matrix_orthogonal(m, n):
    """Models, layers and heads are a batch: of each matrix U V^T, whatever its scale."""
    gradient = np.random.default_rng(0).standard_normal((2, 1, 3, m, n)).astype(np.float32)
    gradient *= np.array([1.0, 1e-2, 1e2])[:, None, None].astype(np.float32)
    optimizer = OPTIMIZERS["muon"]()
    tensors = {"query": jnp.zeros(gradient.shape)}
    updates, _ = jax.jit(optimizer.update)({"query": jnp.asarray(gradient)}, optimizer.init(tensors), tensors)
    u, _, v = np.linalg.svd(gradient.astype(np.float64), full_matrices=False)
    inside = u.mT @ np.asarray(updates["query"]) @ v.mT
    # Five steps of Newton and Schulz bring the singular values to between .65 and 1.25.
    values = np.diagonal(inside, axis1=-2, axis2=-1)
    assert np.all((values > 0.6) & (values < 1.3))
    np.testing.assert_allclose(inside, inside * np.eye(min(m, n)), atol=0.02)


@pytest.mark.parametrize(("m", "n"), [(4, 4), (6, 3)])
def test_soap_is_adam_in_the_bases_of_both_sides(m, n):
    """Matrix by matrix in NumPy, with LAPACK's QR: past two updates of the bases."""
    rng = np.random.default_rng(1)
    gradients = rng.standard_normal((12, 2, 3, m, n)) * np.linspace(0.2, 2, m)[:, None]
    optimizer = scale_by_soap()
    tensors = {"value": jnp.zeros(gradients.shape[1:])}
    # Moments of full rank from before: those of one tall matrix leave their bases to rounding.
    before = [(lambda x: x @ x.mT / size)(rng.standard_normal((2, 3, size, size))) for size in (m, n)]
    old = {"value": jnp.asarray(before[0], jnp.float32)}, {"value": jnp.asarray(before[1], jnp.float32)}
    memory, update = optimizer.init(tensors)._replace(left=old[0], right=old[1]), jax.jit(optimizer.update)
    found = []
    for gradient in gradients.astype(np.float32):
        step, memory = update({"value": jnp.asarray(gradient)}, memory, tensors)
        found.append(np.asarray(step["value"]))
    for stack in np.ndindex(2, 3):
        mean, square, left, right = np.zeros((m, n)), np.zeros((m, n)), before[0][stack], before[1][stack]
        rows, columns = np.eye(m), np.eye(n)
        for count, gradient in enumerate(gradients[(slice(None), *stack)], 1):
            mean = 0.95 * mean + 0.05 * gradient
            left, right = 0.95 * left + 0.05 * gradient @ gradient.T, 0.95 * right + 0.05 * gradient.T @ gradient
            if count % 10 == 1:
                rows, columns = np.linalg.qr(left @ rows)[0], np.linalg.qr(right @ columns)[0]
            square = 0.95 * square + 0.05 * (rows.T @ gradient @ columns) ** 2
            inside = (rows.T @ mean @ columns) / np.sqrt(square) * np.sqrt(1 - 0.95**count) / (1 - 0.95**count)
            np.testing.assert_allclose(found[count - 1][stack], rows @ inside @ columns.T, atol=2e-3)


@pytest.mark.parametrize("scale", [0.0, 1e-30, 1.0, 1e10])
def test_the_bases_of_soap_are_qr_factors(scale):
    moments = np.random.default_rng(0).standard_normal((3, 2, 12, 12)).astype(np.float32) * np.float32(scale)
    moments[0, :, :, 4:] = 0
    basis = np.broadcast_to(np.eye(12, dtype=np.float32), moments.shape)
    unitary = np.asarray(jax.jit(orthogonal)(moments, basis))
    np.testing.assert_allclose(unitary.mT @ unitary, basis, atol=3e-6)
    upper = unitary.mT @ moments / max(scale, 1e-38)
    np.testing.assert_allclose(np.tril(upper, -1), 0, atol=3e-6)


def test_vectors_of_several_models_share_no_basis():
    optimizer = scale_by_soap()
    gradients = jnp.asarray(np.random.default_rng(0).standard_normal((30, 3, 5)), jnp.float32)

    def last(models: slice) -> jax.Array:
        memory = optimizer.init({"bias": gradients[0, models]})
        for gradient in gradients:
            updates, memory = optimizer.update({"bias": gradient[models]}, memory)
        return updates["bias"]

    for model in range(3):
        np.testing.assert_allclose(last(slice(None))[model], last(slice(model, model + 1))[0], atol=1e-3)


def test_long_sides_have_no_basis():
    optimizer = scale_by_soap()
    tensors = {"wide": jnp.ones((2, LARGEST + 1, 3)), "narrow": jnp.ones((2, 4, 3))}
    updates, memory = optimizer.update(tensors, optimizer.init(tensors), tensors)
    assert memory.left_basis["wide"].size == 0
    assert memory.left_basis["narrow"].shape == (2, 4, 4)
    assert all(np.isfinite(update).all() for update in updates.values())


def test_rates_start_and_end_where_the_recipe_says():
    recipe = replace(BEST, rate=0.02, final_rate=0.004)
    rate = rates(recipe, 2048)
    assert rate[0] == pytest.approx(0.02 / WARM_UP)
    assert rate.argmax() == WARM_UP - 1
    assert rate[1024] == pytest.approx(0.012)
    assert rate[-1] == pytest.approx(0.004, abs=1e-7)
    assert np.all(np.diff(rate[WARM_UP:]) < 0)
    epochs = rates(replace(recipe, schedule="epochs", batches=16), 2048)
    assert (epochs[0], epochs[15]) == (0.02, 0.02) != (epochs[16], epochs[16])
    assert epochs[-1] == pytest.approx(0.004 + 0.016 / 128)


def test_forgetting_is_a_line_from_its_start_to_the_last_step():
    phi = forgetting(replace(BEST, forget_from=0.75, forget_to=3.0), 400)
    assert np.all(phi[:301] == 0)
    np.testing.assert_allclose(np.diff(phi[300:]), 3 / 100)
    assert phi[-1] == pytest.approx(3 * (1 - 1 / 100))
    assert np.all(forgetting(replace(BEST, forget_from=1.0), 400) == 0)


@pytest.mark.slow
@pytest.mark.parametrize(("heads", "floor"), [(11, 1.70), (16, 1.66)])
def test_what_the_best_recipe_memorizes(heads, floor):
    """Every pair of 50 tokens; a median of five seeds moves by some .02 with the order of a compiler's sums."""
    run = ensemble(random_associations(50, 2, 2500), embedding_dim=10, heads=heads)
    assert np.median(run.bits_per_parameter) >= floor
