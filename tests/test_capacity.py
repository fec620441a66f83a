import json
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attncap import construct
from attncap.cli import main
from attncap.commands.capacity import capacity
from attncap.construct.associations import margin_mode
from attncap.errors import InputError
from attncap.numerics.bracketing import boundary


@given(st.integers(0, 5000), st.integers(1, 5000))
def test_the_boundary_is_found_from_any_start(truth, start):
    assert boundary(lambda number: number <= truth, start) == (truth, truth + 1)


@given(st.integers(1, 5000), st.integers(1, 5000), st.floats(0, 0.5))
def test_the_bracket_holds_the_boundary_and_is_as_narrow_as_asked(truth, start, resolution):
    low, high = boundary(lambda number: number <= truth, start, resolution=resolution)
    assert low <= truth < high
    assert high - low <= max(1, resolution * low)


@given(st.integers(1, 500), st.integers(1, 500), st.integers(1, 500))
def test_a_limit_is_never_passed(truth, start, limit):
    tried = []

    def holds(number):
        tried.append(number)
        return number <= truth

    low, high = boundary(holds, start, limit)
    assert max(tried) <= limit
    assert low == min(truth, limit)
    assert (high is None) == (truth >= limit)


def test_few_numbers_are_tried():
    tried = []
    boundary(lambda number: tried.append(number) or number <= 700, 100)
    assert len(tried) < 20


def test_the_theorem_holds_its_corrected_count_and_nothing_more():
    found = construct.capacity(vocabulary=30, context=2, embedding_dim=6, heads=5, method="theorem", seeds=2)
    assert found.capacity == found.rank == 36
    assert found.bracket == (36, 37)
    assert found.seeds == (36, 36)


def test_the_corrected_count_is_the_limit_where_the_theorem_promises_more():
    # d > N: the theorem promises 3 * 12 + 12; five tokens and two positions span 6 dimensions.
    found = construct.capacity(vocabulary=5, context=2, embedding_dim=12, heads=3, method="theorem", seeds=1)
    assert found.theorem == 48
    assert found.capacity == found.rank == 20


def test_margin_mode_goes_beyond_the_count():
    found = construct.capacity(vocabulary=10, context=3, embedding_dim=6, heads=5, seeds=3)
    assert found.capacity == statistics.median_low(found.seeds)
    assert found.ratio == found.capacity / found.rank > 2
    assert found.bracket[0] == found.capacity < found.bracket[1]


def test_margin_mode_exceeds_the_count_on_the_circle():
    found = construct.capacity(vocabulary=50, context=2, embedding_dim=2, heads=20, seeds=2)
    assert found.capacity > found.rank == 42


def test_all_sequences_that_exist_are_a_limit():
    found = construct.capacity(vocabulary=3, context=2, embedding_dim=6, heads=5, seeds=1)
    assert found.bracket == (9, None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "magic"}, "method: expected theorem or margin or joint or train for associations, got 'magic'"),
        ({"seeds": 0}, "seeds: expected at least 1, got 0"),
        ({"head_dim": 11}, "head_dim"),
        ({"method": "theorem", "train_attention": True}, "train_attention"),
        ({"dtype": "float16"}, "dtype"),
    ],
)
def test_bad_input_is_named(change, message):
    with pytest.raises(InputError, match=message):
        construct.capacity(**{"vocabulary": 10, "context": 2, "embedding_dim": 10, "heads": 2} | change)


SHAPE = ["--kind", "associations", "--vocabulary", "20", "--context", "2", "--embedding-dim", "6", "--heads", "4"]


@pytest.mark.parametrize("method", ["theorem", "margin"])
def test_the_command_prints_its_fields(method, capsys):
    with pytest.raises(SystemExit) as end:
        main(["capacity", "--method", method, *SHAPE, "--seeds", "2", "--json"])
    assert end.value.code == 0
    said = json.loads(capsys.readouterr().out)
    assert {"capacity", "bracket", "theorem", "rank", "seeds"} <= set(said)
    assert said["theorem"] == said["rank"] == 30
    assert said["capacity"] >= 30
    assert len(said["seeds"]) == 2


def test_the_command_names_bad_input(capsys):
    with pytest.raises(SystemExit) as end:
        main(["capacity", *SHAPE, "--head-dim", "7"])
    assert end.value.code == 2
    assert "--head-dim: expected 1 to the embedding dimension 6, got 7" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--kind", "associations", "--heads", "2"], "context: expected the number"),
        ([*SHAPE, "--shared-context"], "--shared-context: expected kind examples, got 'kind associations'"),
        (
            ["--kind", "examples", "--heads", "2", "--context", "4", "--vocabulary", "9"],
            "--vocabulary: expected kind associations",
        ),
    ],
)
def test_an_option_of_the_other_kind_is_refused(words, message, capsys):
    with pytest.raises(SystemExit) as end:
        main(["capacity", *words])
    assert end.value.code == 2
    assert message in capsys.readouterr().err


def test_a_search_certifies_where_that_is_asked(monkeypatch):
    fits: list[construct.Fit] = []
    shape = {"vocabulary": 20, "context": 2, "embedding_dim": 5, "heads": 4, "seeds": 1}
    assert not construct.capacity(**shape, method="theorem").certified
    summarize = margin_mode.summarize
    monkeypatch.setattr(margin_mode, "summarize", lambda *a, **o: fits.append(summarize(*a, **o)) or fits[-1])
    found = construct.capacity(**shape, certify=True)
    assert found.certified
    assert max(fit.task.associations for fit in fits) == found.capacity
    assert all(fit.recall["float32"].certified for fit in fits)
    with pytest.raises(InputError, match="certify: expected method margin or joint, got 'method theorem'"):
        construct.capacity(**shape, method="theorem", certify=True)


@pytest.mark.parametrize("layer", [{"heads": 2}, {"layer": "perceptron", "units": 3}, {"layer": "both", "heads": 2}])
@pytest.mark.parametrize("other", [{"classes": 3}, {"recipe": "paper"}, {"steps": 5}, {"shared_context": True}])
def test_what_a_layer_would_ignore_is_refused(layer, other):
    with pytest.raises(InputError, match=rf"^{next(iter(other))}: expected kind examples"):
        capacity(vocabulary=9, context=2, embedding_dim=4, seeds=1, **layer, **other)
