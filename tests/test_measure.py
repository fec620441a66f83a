"""Recall, margins and bits."""

from dataclasses import replace

import numpy as np
import pytest

from attncap import construct, measure, tasks
from attncap.tasks import random_associations

from .test_models import random_model


def test_a_scale_of_the_unembedding_changes_no_bits():
    model, task = random_model(seed=2), random_associations(7, 3, 100, seed=2)
    scaled = replace(model, unembedding=17.0 * model.unembedding)
    assert measure.bits(scaled, task) == pytest.approx(measure.bits(model, task), rel=1e-9)


def test_a_tie_is_not_recalled():
    model, task = random_model(), random_associations(7, 3, 20)
    blind = replace(model, unembedding=np.zeros_like(model.unembedding))
    assert measure.recall(blind, task).correct == 0
    assert measure.bits(blind, task) == 0


def test_verify_measures_the_rounding():
    model, task = random_model(seed=3), random_associations(7, 3, 100, seed=3)
    found = measure.verify(model, task)
    reference = model.forward(task.sequences)
    for dtype, recall in found.items():
        logits = model.astype(dtype).ready().forward(task.sequences)
        assert recall.deviation == pytest.approx(float(np.abs(logits - reference).max()), rel=1e-6)
        assert recall.correct == int((logits.argmax(axis=1) == task.answers).sum())
    assert found["float64"].deviation == 0 < found["float32"].deviation < found["bfloat16"].deviation
    assert not any(recall.certified for recall in found.values())


def test_bits_per_parameter_is_bits_over_parameters():
    model, task = random_model(), random_associations(7, 3, 50)
    assert measure.bits_per_parameter(model, task) == measure.bits(model, task) / model.parameters["total"]


def by_differences(model, task):
    """The Jacobian of the centred logits by all parameters, by central differences."""
    columns = []
    for name, tensor in model.tensors().items():
        for index in np.ndindex(tensor.shape):
            step = np.zeros_like(tensor)
            step[index] = 1e-5
            up, down = (replace(model, **{name: tensor + sign * step}).forward(task.sequences) for sign in (1, -1))
            change = (up - down) / 2e-5
            columns.append((change - change.mean(axis=1, keepdims=True)).ravel())
    return np.stack(columns, axis=1)


@pytest.mark.parametrize("residual", [True, False])
@pytest.mark.parametrize("shape", [(6, 2, 3, 2, 2, 2), (7, 2, 3, 3, 1, 2), (8, 2, 4, 2, 3, 1), (5, 3, 4, 4, 1, 4)])
def test_degrees_of_freedom_are_the_rank_of_the_jacobian(shape, residual):
    N, S, d, dh, H, r = shape
    model = random_model(N, S, d, dh, H, r, seed=1, residual_position=residual, score_scale=0.2)
    task = random_associations(N, S, min(N**S, 60))
    found = measure.degrees_of_freedom(model, task)
    values = np.linalg.svd(by_differences(model, task), compute_uv=False)
    assert found == int((values > 1e-8 * values[0]).sum())
    if residual and N**S < 60:
        parameters = model.parameters["total"]
        assert found == min(parameters - (H * (r * r + dh * dh) + d * d + 2 * d), task.associations * (N - 1))


def test_a_model_that_says_the_same_of_all_can_move_its_unembedding_only():
    model = random_model(6, 2, 3, 2, 2, 2, seed=1)
    model, task = replace(model, unembedding=np.zeros_like(model.unembedding)), random_associations(6, 2, 20)
    values = np.linalg.svd(by_differences(model, task), compute_uv=False)
    assert measure.degrees_of_freedom(model, task) == int((values > 1e-8 * values[0]).sum()) == 5 * 3


def test_parameters_in_use_of_a_table():
    task = tasks.load("capitals")
    model = construct.theorem(task, 8).model
    unused = model.parameters["total"] - measure.parameters_in_use(model, task)
    assert unused == 8 * (2 * 490 - len(np.unique(task.sequences)) - len(np.unique(task.answers)))


def test_bits_per_what():
    task = random_associations(7, 3, 40)
    fit = construct.theorem(task, 4)
    H, dh, d = fit.shape.heads, fit.shape.head_dim, 4
    assert fit.bits == fit.bits_hard == task.bits
    assert fit.bits_per_parameter == task.bits / fit.shape.parameters
    assert fit.bits_per["in_use"] == task.bits / measure.parameters_in_use(fit.model, task)
    assert fit.bits_per["degree_of_freedom"] == task.bits / measure.degrees_of_freedom(fit.model, task)
    assert fit.bits_per["data_parameter"] == task.bits / (d * (H * dh + d))
    assert fit.bits_per["stored_bit"] == pytest.approx(task.bits / (32 * fit.shape.parameters))
    assert (fit.shape.parameters_in_use, fit.shape.bytes) == (
        measure.parameters_in_use(fit.model, task),
        4 * fit.shape.parameters,
    )
    shown = fit.to_dict()
    assert shown["evidence"] > task.bits - 10
    assert set(shown["recall"]["float32"]) >= {
        "correct",
        "accuracy",
        "min_margin",
        "measured",
        "certified",
        "certified_associations",
        "arithmetic",
        "bound",
    }


def test_what_is_not_right_is_not_proved():
    model, task = random_model(seed=3), random_associations(7, 3, 100, seed=3)
    found = measure.verify(model, task)["float32"]
    assert found.correct < 100
    assert (found.certified, found.measured, found.certified_associations, found.proof) == (False, (), None, "no")
