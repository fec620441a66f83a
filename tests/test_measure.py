"""Recall, margins and bits."""

from dataclasses import replace

import numpy as np
import pytest

from attncap import measure
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
