"""Associations, their ranks and their bits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attncap import tasks
from attncap.data.tables import Table
from attncap.errors import InputError
from attncap.tasks import Associations, associations, facts, next_tokens, random_associations
from attncap.tasks.parquet import write_task
from attncap.tasks.source import kind_of


@given(
    vocabulary=st.integers(2, 30), context=st.integers(1, 5), fraction=st.floats(0.01, 1.0), seed=st.integers(0, 2**32)
)
def test_random_sequences_are_distinct_and_in_range(vocabulary, context, fraction, seed):
    count = min(500, max(1, int(fraction * vocabulary**context)))
    task = random_associations(vocabulary, context, count, seed)
    assert task.sequences.shape == (count, context)
    assert len(set(map(tuple, task.sequences.tolist()))) == count
    assert task.bits == pytest.approx(count * np.log2(vocabulary))


def test_random_takes_every_sequence_when_asked():
    assert random_associations(3, 4, 81).associations == 81
    with pytest.raises(InputError, match="there are 81 sequences"):
        random_associations(3, 4, 82)


def test_long_sequences_of_many_tokens_need_no_table_of_all():
    assert random_associations(50_000, 300, 20).context == 300


def test_same_seed_same_task():
    one, other = (random_associations(50, 2, 1000, seed=7) for _ in range(2))
    assert (one.sequences == other.sequences).all()
    assert (one.answers == other.answers).all()


@given(vocabulary=st.integers(2, 8), context=st.integers(1, 4), count=st.integers(1, 40), seed=st.integers(0, 10_000))
def test_data_rank_is_the_rank_of_generic_vectors(vocabulary, context, count, seed):
    task = random_associations(vocabulary, context, min(count, vocabulary**context), seed)
    rng = np.random.default_rng(seed)
    dim = vocabulary + context
    embedding, position = rng.standard_normal((vocabulary, dim)), rng.standard_normal((context, dim))
    used = (embedding[task.sequences] + position).reshape(-1, dim)
    assert task.data_rank == np.linalg.matrix_rank(used)


def test_data_rank_of_a_fact_table_counts_subjects_and_relations():
    table = Table("t", ["s", "a", "b"], [[f"x{i}", str(i), str(-i)] for i in range(9)], list(range(9)))
    task = facts(table)
    assert (task.data_rank, task.queries) == (9 + 2, 9)


@pytest.mark.parametrize(
    ("sequences", "answers", "vocabulary", "message"),
    [
        ([[0, 1], [0, 1]], [1, 1], 2, "row 1 repeats the sequence of row 0"),
        ([[0, 5]], [1], 2, r"sequences, row 0: expected tokens 0 to 1, got \[0 5\]"),
        ([[0, 1]], [-1], 2, "answers, row 0: expected tokens 0 to 1"),
        ([[0.5, 1]], [1], 2, "row 0: expected whole token numbers"),
        ([[np.nan, 1]], [1], 2, "row 0: expected whole token numbers"),
        ([[0, 1]], [np.inf], 2, "row 0: expected whole token numbers"),
        ([0, 1], [1], 2, r"2 dimension\(s\), got shape \(2,\)"),
        ([[0, 1]], [1, 0], 2, "1 sequences but 2 answers"),
        (np.zeros((0, 2), int), np.zeros(0, int), 2, "no associations"),
        (np.zeros((1, 0), int), [0], 2, "no associations"),
        ([[0]], [0], 1, "leaves nothing to memorize"),
        ([[0]], [0], ["a", "a"], "a token twice"),
        ([["a"]], [0], 2, "expected whole token numbers"),
    ],
)
def test_bad_arrays_are_refused_with_the_row(sequences, answers, vocabulary, message):
    with pytest.raises(InputError, match=message):
        associations(sequences, answers, vocabulary)


def test_whole_floats_are_tokens():
    assert associations([[0.0, 1.0]], [1.0], 2).sequences.tolist() == [[0, 1]]


def test_bits_of_facts_use_the_objects_of_their_relation():
    rows = [["a", "x", "same"], ["b", "x", "same"], ["c", "y", "same"], ["d", "y", "same"]]
    task = facts(Table("t", ["s", "r1", "r2"], rows, [2, 3, 4, 5]))
    assert task.bits == pytest.approx(np.log2(6))  # two of four are x
    assert task.surprisal[[task.words(i)[0][0] == "r2" for i in range(8)]].sum() == 0


def test_text_keeps_the_most_frequent_continuation(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("the cat, the dog, the cat!", encoding="utf-8")
    task = next_tokens(path, context=1)
    assert dict(map(task.words, range(task.associations)))["the",] == "cat"
    assert task.notes == ("2 contexts had several continuations; the most frequent one was kept",)
    assert task.bits == pytest.approx(task.associations * np.log2(task.vocabulary_size))


def test_text_too_short_or_not_text(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("one two")
    with pytest.raises(InputError, match="2 tokens; expected more than the context, 2"):
        next_tokens(path)
    path.write_bytes(b"caf\xe9 ol\xe9")
    with pytest.raises(InputError, match="byte 3 is not UTF-8"):
        next_tokens(path)


@pytest.mark.parametrize("name", list(tasks.NAMED))
def test_named_tables_are_whole(name):
    task = tasks.load(name)
    least = {"capitals": 240, "countries": 6000, "elements": 440, "factbook": 3500, "airports": 30_000}[name]
    assert task.associations >= least
    assert task.kind == "facts"
    assert 0 < task.bits <= task.associations * np.log2(task.vocabulary_size)


def _answer(task: Associations, subject: str, relation: str) -> str:
    return dict(map(task.words, range(task.associations)))[relation, subject]


def test_named_tables_say_what_is_true():
    assert _answer(tasks.load("countries"), "France", "languages") == "fr"
    assert _answer(tasks.load("elements"), "iron", "symbol") == "Fe"
    assert _answer(tasks.load("factbook"), "France", "capital") == "Paris"
    assert _answer(tasks.load("airports"), "CDG", "timezone") == "Europe/Paris"


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("capitols", {}, "did you mean 'capitals'"),
        ("no/such.csv", {}, "no such file"),
        ("random:1,2", {}, "expected random:N,S,T"),
        ("random:5,0,1", {}, "at least 1"),
        ("random:5,2,26", {}, "there are 25 sequences"),
        ("random:5,2,5", {"subject": "x"}, "a table that it names a column of"),
        ("capitals", {"context": 3}, "context: expected a text that it applies to, got 'capitals'"),
        ("capitals", {"object": "captial"}, "no column 'captial'.*did you mean 'capital'"),
    ],
)
def test_bad_sources(source, options, message):
    with pytest.raises(InputError, match=message):
        tasks.load(source, **options)


def test_one_desk_tells_what_a_source_is(tmp_path):
    """Both loaders refuse an option of another kind of source, in the same words."""
    archived, text = tmp_path / "task.parquet", tmp_path / "a.TXT"
    write_task(random_associations(5, 2, 5), archived)
    text.write_text("row row row your boat")
    kinds = {"capitals": "table", "a.csv": "table", "kjv": "text", text: "text", "random:5,2,5": "random"}
    kinds |= {archived: "task", "pi.npz": "arrays", "pi": "unknown", tmp_path: "unknown"}
    for source, kind in kinds.items():
        assert kind_of(source) == kind
        for option, value, of in (("subject", "x", "table"), ("object", "x", "table"), ("context", 1, "text")):
            if kind != of:
                said = set()
                for load in (tasks.load, tasks.load_distributions):
                    with pytest.raises(InputError, match=f"^{option}: expected a (table|text) that it") as caught:
                        load(source, **{option: value})
                    said.add(str(caught.value))
                assert len(said) == 1
    assert tasks.load(archived).associations == 5
    with pytest.raises(InputError, match=r"expected an \.npz with pi"):
        tasks.load_distributions(archived)


def test_words_keep_their_combining_marks(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("हिन्दी विश्व की cafe\u0301 noir। हिन्दी सरल", encoding="utf-8")
    assert set(next_tokens(path, 1).vocabulary) == {"हिन्दी", "विश्व", "की", "caf\u00e9", "noir", "।", "सरल"}


@pytest.mark.parametrize(("name", "bits"), [("capitals", 1631), ("countries", 39294), ("airports", 267202)])
def test_bits_of_the_named_tables(name, bits):
    assert tasks.load(name).bits == pytest.approx(bits, abs=0.5)


def test_the_prior_of_facts_is_not_given():
    with pytest.raises(InputError, match="the surprisal of facts follows from their relations; expected none"):
        associations([[0, 1]], [1], 2, kind="facts", surprisal=np.ones(1))


@pytest.mark.parametrize("bits", [[1.0, 2.0], [np.nan], [-1.0], [1025.0], ["x"], [[1.0]]])
def test_a_surprisal_that_is_none_is_refused(bits):
    with pytest.raises(InputError, match="surprisal"):
        associations([[0, 1]], [1], 2, surprisal=bits)
