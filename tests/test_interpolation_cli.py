"""``attncap interpolation``."""

import json

import pytest

from .command import run

BASE = ["interpolation", "--activation", "tanh", "--ratio", "0.5", "--ridge", "0.1"]


def test_json_of_one_point(capsys):
    code, out, err = run(
        capsys, *BASE, "--snr", 1, "--alignment", 1, "--simulate", "--tokens", 100, "--seeds", 3, "--json"
    )
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert 0 < found["theory"] < found["linear_regression"] + 0.1
    assert {"a1", "nu", "diagonal_limit"} <= found.keys()
    assert found["simulated"].keys() >= {"mean", "std", "seeds", "tokens"}
    assert abs(found["simulated"]["mean"] - found["theory"]) < 0.1


def test_ranges_become_arrays(capsys):
    code, out, _ = run(capsys, *BASE[:-1], "1e-3:10:5", "--ratio", "0.5:2:3", "--snr", 1, "--json")
    found = json.loads(out)
    assert code == 0
    assert (len(found["theory"]), len(found["theory"][0])) == (3, 5)
    assert found["theory"][0] == sorted(found["theory"][0])


def test_tables_for_people(capsys):
    assert "theory" in run(capsys, *BASE)[1]
    assert "linear_regression" in run(capsys, *BASE[:-1], "1e-3:10:60")[1]


def test_many_heads_and_softmax(capsys):
    words = ("--activation", "relu", "--random-scores", "--combine", "sum", "--json")
    assert len(json.loads(run(capsys, *BASE, *words)[1])["a1"]) == 2
    code, out, _ = run(capsys, "interpolation", "--softmax", 0.5, "--ratio", 0.5, "--ridge", 1, "--json")
    assert (code, json.loads(out)["a1"]) == (0, 0.5)


def test_a_warning_is_one_line_on_stderr(capsys):
    code, out, err = run(capsys, "interpolation", "--softmax", 1.2, "--ratio", 0.5, "--ridge", 1, "--json")
    assert code == 0
    assert json.loads(out)["theory"] < 1
    assert err.count("\n") == 1
    assert "warning" in err


def test_plot(capsys, tmp_path):
    target = tmp_path / "curve.svg"
    words = [
        *BASE[:-1],
        "1e-3:10:7",
        "--ratio",
        "0.5:2:2",
        "--simulate",
        "--tokens",
        40,
        "--seeds",
        2,
        "--plot",
        target,
    ]
    assert run(capsys, *words)[0] == 0
    assert "interpolation error" in target.read_text()
    code, _, err = run(capsys, *words)
    assert code == 2
    assert "force its replacement" in err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--ridge", "0"], "--ridge: expected above 0"),
        (["--ridge", "x"], "--ridge: expected a number or a range a:b:k, got 'x'"),
        (["--ridge", "1:2"], "expected a range a:b:k"),
        (["--ridge", "0:2:3"], "above 0"),
        (["--ridge", "1:2:1000000"], "up to 100000"),
        (["--ridge", "1:2:1000", "--ratio", "1:2:1000"], "1,000,000 points"),
        (["--ratio", "-1"], "--ratio: expected above 0"),
        (["--snr", "-1"], "--snr: expected at least 0"),
        (["--activation", "log(t)"], "nan"),
        (["--activation", "import os"], "not a Python expression"),
        (["--activation", "exp(t)", "--diagonal", "full"], "use diagonal zero"),
        (["--diagonal", "most"], "zero, full or a number"),
        (["--softmax", "1"], "--softmax: expected no activation beside it"),
        (["--activation", "relu", "--positive", "0.2"], "not validated"),
        (["--plot", "x.svg"], "--plot: expected a range to draw over"),
        (["--combine", "max"], "--combine: expected 'concat' or 'sum', got 'max'"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(capsys, words, says):
    code, out, err = run(capsys, *BASE, *words)
    assert (code, out) == (2, "")
    assert says in err
    assert err.count("\n") == 1


def test_softmax_too_hot(capsys):
    code, _, err = run(capsys, "interpolation", "--softmax", 2, "--ratio", 0.5, "--ridge", 1)
    assert code == 2
    assert "(0, 1.5]" in err
