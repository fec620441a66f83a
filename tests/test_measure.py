"""Recall, margins and bits."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from attncap import measure
from attncap.tasks import random_associations

from .test_models import random_model


@given(seed=st.integers(0, 500))
@settings(max_examples=20)
def test_bits_lie_between_what_is_right_and_what_there_is(seed):
    model, task = random_model(seed=seed), random_associations(7, 3, 100, seed)
    right = measure.margin(model, task) > 0
    found = measure.bits(model, task)
    assert task.surprisal[right].sum() - 1e-9 <= found <= task.bits + 1e-9


def test_bits_agree_with_a_general_optimizer():
    model, task = random_model(seed=1), random_associations(7, 3, 200, seed=1)
    logits = model.forward(task.sequences)

    def loss(log_scale):
        own = log_softmax(np.exp(log_scale) * logits, axis=1)[np.arange(200), task.answers] / np.log(2)
        return -np.maximum(0, own + task.surprisal).sum()

    best = min(minimize_scalar(loss, bounds=(low, low + 2), method="bounded").fun for low in range(-8, 6))
    right = measure.margin(model, task) > 0
    expected = max(-best, task.surprisal[right].sum())
    assert measure.bits(model, task) == pytest.approx(expected, rel=2e-3)


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
