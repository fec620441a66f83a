"""Audits: what is counted, proved and searched for of the assumptions; heads; facts; and what is refused."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from attncap import audit as ac
from attncap.audit import factual_memory, heads, mahdavi2024_assumptions, own_interpolation, promises, sources
from attncap.audit import inputs as audit_inputs
from attncap.audit.kruskal import kruskal
from attncap.audit.model_audit import run
from attncap.audit.query_key import query_key
from attncap.audit.shares import clopper_pearson
from attncap.audit.transformer import Transformer
from attncap.data.named_models import named_model
from attncap.errors import InputError, UnmetError
from attncap.numerics.row_rank import Rows

from . import command
from . import reference_models as small


def planted(count, dim, size, rng, mean=0.0, dtype=np.float32):
    """Vectors in general position but for one dependent subset."""
    vectors = rng.standard_normal((count, dim)) * np.geomspace(1, 0.05, dim) + mean * rng.standard_normal(dim)
    chosen = rng.choice(count, size, replace=False)
    vectors[chosen[0]] = rng.uniform(0.5, 1.5, size - 1) @ vectors[chosen[1:]]
    return vectors.astype(dtype), tuple(sorted(chosen.tolist()))


@given(st.integers(1, 60), st.data())
@settings(max_examples=40, deadline=None)
def test_intervals_are_the_exact_tails_of_the_binomial(trials, data):
    successes = data.draw(st.integers(0, trials))
    low, high = clopper_pearson(successes, trials)
    assert 0 <= low <= successes / trials <= high <= 1
    if successes:
        np.testing.assert_allclose(binom.sf(successes - 1, trials, low), 0.025, rtol=1e-6)
    if successes < trials:
        np.testing.assert_allclose(binom.cdf(successes, trials, high), 0.025, rtol=1e-6)


@pytest.mark.parametrize("size", [2, 3, 6, 12])
@pytest.mark.parametrize("mean", [0.0, 3.0])
def test_a_planted_dependent_subset_is_found(size, mean):
    vectors, chosen = planted(400, 160, size, np.random.default_rng(size), mean)
    found = kruskal(Rows(vectors))
    assert found.witness == chosen
    assert found.at_least <= found.at_most == size - 1
    assert np.linalg.matrix_rank(vectors[list(chosen)]) == size - 1


@pytest.mark.slow
@pytest.mark.parametrize("size", [2, 5, 9, 12])
def test_a_planted_dependent_subset_of_two_thousand_is_found(size):
    vectors, chosen = planted(2000, 768, size, np.random.default_rng(size), 3.0)
    assert kruskal(Rows(vectors)).witness == chosen


def test_what_is_proved_holds_for_every_subset():
    rng = np.random.default_rng(0)
    from itertools import combinations

    for count, dim in ((9, 6), (10, 4), (8, 8)):
        vectors = rng.standard_normal((count, dim)) + 2
        found = kruskal(Rows(vectors))
        for size in range(1, found.at_least + 1):
            for subset in combinations(range(count), size):
                assert np.linalg.matrix_rank(vectors[list(subset)]) == size
        assert found.at_most == min(count, dim)
        assert found.witness == ()
        assert 1 <= found.at_least <= found.at_most
        assert "search" in found.searched


def test_general_vectors_have_no_counterexample():
    vectors = np.random.default_rng(0).standard_normal((300, 200)).astype(np.float32)
    found = kruskal(Rows(vectors))
    assert (found.witness, found.rank, found.at_most) == ((), 200, 200)
    # Coherence about sqrt(2 ln T^2 / d): a handful is proved.
    assert found.at_least >= 3


def test_zeros_duplicates_and_parallels_are_told():
    vectors = np.random.default_rng(0).standard_normal((20, 8))
    zero, twice, parallel = vectors.copy(), vectors.copy(), vectors.copy()
    zero[5] = 0
    twice[7] = twice[3]
    parallel[7] = -2 * parallel[3]
    assert (kruskal(Rows(zero)).at_most, kruskal(Rows(zero)).why) == (0, "a vector is zero")
    assert (kruskal(Rows(twice)).witness, kruskal(Rows(twice)).at_most) == ((3, 7), 1)
    assert (kruskal(Rows(parallel)).witness, kruskal(Rows(parallel)).at_most) == ((3, 7), 1)


def examples_of(count=80, context=6, dim=12, seed=0):
    rng = np.random.default_rng(seed)
    drawn = rng.standard_normal((count, context, dim)), rng.standard_normal((count, dim))
    return tuple(each.astype(np.float32) for each in drawn)


def test_generic_examples_satisfy_all_assumptions():
    contexts, queries = examples_of()
    found = ac.assumptions(contexts, queries, subsets=300)
    assert found.holds == {"A1": True, "A2": True, "A3": True}
    assert found.kruskal.fraction == found.general_position == found.context_rank_full_fraction == 1
    assert found.breaks_at == 12
    assert found.kruskal.size == found.context == 6
    assert all(share.fraction == 1 for share in found.variants.values())
    assert f"at most {1 - found.kruskal.low:.2g}" in found.notes[-1]


def test_shares_are_those_of_a_plain_loop():
    contexts, queries = examples_of()
    queries[:, 7:] = 0  # rank 7
    queries[:60, 4:] = 0  # sixty of rank 4
    found = ac.assumptions(contexts, queries, subsets=200, seed=5)
    rng = np.random.default_rng([5, 6])
    drawn = [rng.choice(80, 6, replace=False) for _ in range(200)]
    expected = np.mean([np.linalg.matrix_rank(queries[each]) == 6 for each in drawn])
    assert 0.2 < expected < 0.9
    assert found.kruskal.fraction == expected
    sums = queries + contexts.mean(axis=1, dtype=np.float64).astype(np.float32)
    assert found.with_mean.fraction == np.mean([np.linalg.matrix_rank(sums[each]) == 6 for each in drawn])
    assert not found.holds["A1"]
    assert found.general_position == 0


def test_constant_class_tokens_give_zero_and_say_why():
    contexts, queries = examples_of()
    found = ac.assumptions(contexts, np.broadcast_to(queries[:1], queries.shape).copy(), subsets=50)
    assert (found.kruskal.fraction, found.exact.at_most, found.holds["A1"]) == (0, 1, False)
    assert found.with_mean.fraction == 1
    assert found.notes[0].startswith("all 80 queries are equal")


def test_a_refuted_assumption_fails_whatever_sampling_says():
    contexts, queries = examples_of(count=400)
    queries[9] = queries[8]
    found = ac.assumptions(contexts, queries, subsets=200)
    assert found.kruskal.fraction > 0.99
    assert not found.holds["A1"]
    assert "(8, 9)" in found.notes[0]
    # Neighbours find it too.
    assert found.clustered.fraction < 1


def test_the_context_ranks_are_counted():
    contexts, queries = examples_of()
    contexts[:20, 1] = contexts[:20, 0]
    found = ac.assumptions(contexts, queries, subsets=20)
    assert found.context_rank_full_fraction == 0.75
    assert not found.holds["A2"]
    shared = ac.assumptions(contexts[0], queries, subsets=20)
    assert shared.context_rank_full_fraction == 0
    one = ac.assumptions(contexts[50], queries, subsets=20)
    assert one.context_rank_full_fraction == 1


def test_a_common_mean_hides_rank_in_single_precision():
    contexts, queries = examples_of(count=200, context=10, dim=32)
    large = (queries * np.geomspace(1, 1e-2, 32) + 1e4).astype(np.float32)
    found = ac.assumptions(contexts, large, subsets=100)
    assert found.variants["float32"].fraction == 0
    assert found.variants["float32 centred"].fraction == 1
    assert found.variants["float64"].fraction == 1
    assert found.spectrum["2"] < 1e-2


def test_shapes_at_the_edge_are_handled_or_refused():
    contexts, queries = examples_of(count=80, context=20, dim=12)
    wide = ac.assumptions(contexts, queries, subsets=20)
    assert wide.holds == {"A1": False, "A2": False, "A3": False}
    assert any("n = 20 exceeds d = 12" in note for note in wide.notes)
    few = ac.assumptions(*examples_of(count=8, context=6, dim=12), subsets=20)
    assert few.general_position is None
    assert any("fewer than d = 12" in note for note in few.notes)
    with pytest.raises(InputError, match="subset_size: expected 1 to the number of examples, 5, got 6"):
        ac.assumptions(*examples_of(count=5))
    with pytest.raises(InputError, match="subsets: expected at least 1"):
        ac.assumptions(*examples_of(), subsets=0)
    contexts, queries = examples_of()
    queries[3, 2] = np.nan
    with pytest.raises(InputError, match=r"queries: expected finite numbers, got 'nan at \[3, 2\]'"):
        ac.assumptions(contexts, queries)
    contexts[1, 2, 3] = np.inf
    with pytest.raises(InputError, match=r"contexts: .*\[1, 2, 3\]"):
        ac.assumptions(contexts, queries)
    with pytest.raises(InputError, match="contexts: expected shape"):
        mahdavi2024_assumptions._checked(contexts[:, :, :3], examples_of()[1])


def test_half_precision_arrays_are_read_as_single_precision():
    contexts, queries = (each.astype(np.float16) for each in examples_of())
    found = ac.assumptions(contexts, queries, subsets=20)
    assert (found.dtype, found.holds["A1"]) == ("float32", True)


def test_batches_give_the_numbers_of_the_whole():
    contexts, queries = examples_of()
    whole = mahdavi2024_assumptions.gather(contexts, queries)
    parts = [mahdavi2024_assumptions.gather(contexts[at : at + 30], queries[at : at + 30]) for at in (0, 30, 60)]
    joined = mahdavi2024_assumptions.Gathered.join(parts)
    for name in ("queries", "means", "full"):
        np.testing.assert_array_equal(getattr(joined, name), getattr(whole, name))
    assert joined.context == whole.context == 6


def test_heads_are_those_of_the_plain_formulas(tmp_path):
    model = sources.load(small.write("llama", tmp_path / "model"))
    ids = np.random.default_rng(3).integers(0, 60, (40, 12))
    seen = run(model, ids, "last", [0, 1])[1]
    step = list(model.steps(ids))[1]
    np.testing.assert_allclose(seen.rows.weights, step.weights[:, :, -1], atol=1e-6)
    np.testing.assert_allclose(seen.input.queries, step.x[:, -1], atol=1e-5)
    head = heads.heads(model, 1, seen.rows)[2]
    weights, scores = step.weights[:, 2, -1].astype(float), step.scores[:, 2, -1].astype(float)
    np.testing.assert_allclose(head.largest, weights.max(axis=1).mean(), rtol=1e-6)
    entropies = [-sum(w * np.log2(w) for w in row if w > 0) for row in weights]
    np.testing.assert_allclose(head.entropy, np.mean(entropies), rtol=1e-6)
    np.testing.assert_allclose(1 / head.temperature, np.mean([row.std() for row in scores]), rtol=1e-5)
    z = (scores - scores.mean(axis=1, keepdims=True)) / scores.std(axis=1, keepdims=True)
    np.testing.assert_allclose(head.a1, (z * (12 * weights - 1)).mean(), rtol=1e-5)
    np.testing.assert_allclose(head.nu, ((12 * weights - 1) ** 2).mean(), rtol=1e-5)
    assert head.saturation == (weights.max(axis=1) > 0.99).mean()


def test_gaussian_scores_have_the_hermite_data_of_the_softmax():
    rng, beta = np.random.default_rng(0), 0.5
    scores = beta * rng.standard_normal((60, 1, 4000))
    weights = np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)
    flat = np.zeros((8, 8), np.float32)
    layer = {"query": flat, "key": flat}
    shape = replace(small_settings(), heads=1, key_heads=1, head_dim=8, dim=8)
    model = Transformer("none", ac.FAMILIES[0], shape, {}, (layer,))
    (head,) = heads.heads(model, 0, heads.Rows(scores.astype(np.float32), weights.astype(np.float32)))
    np.testing.assert_allclose(head.a1, beta, rtol=0.01)
    np.testing.assert_allclose(head.nu, np.expm1(beta**2), rtol=0.03)
    np.testing.assert_allclose(head.temperature, 1 / beta, rtol=0.01)


def small_settings():
    from attncap.audit.families import Settings

    return Settings(dim=96, layers=1, heads=2, key_heads=2, head_dim=96, eps=1e-6, positions=64, activation="gelu")


def test_query_key_finds_a_scaled_identity_and_a_spike():
    rng = np.random.default_rng(0)
    dim = 48
    left, right = rng.standard_normal((2, dim, 3))
    matrix = 0.7 * np.eye(dim) + left @ right.T / 4
    found = query_key(matrix.T, np.eye(dim), rank=3)  # key query^T = M
    assert found.distance < 1e-5
    assert found.rank <= 3
    assert found.random > 0.5
    short = query_key(rng.standard_normal((dim, 8)), rng.standard_normal((dim, 8)), rank=4)
    # By brute force over c.
    m = rng.standard_normal((2, dim, 8))
    product = m[1] @ m[0].T
    grid = [
        np.sqrt((np.linalg.svd(product - c * np.eye(dim), compute_uv=False)[4:] ** 2).sum())
        for c in np.linspace(-1.5, 1.5, 601)
    ]
    brute = query_key(m[0], m[1], rank=4)
    np.testing.assert_allclose(brute.distance, min(grid) / np.linalg.norm(product), rtol=2e-3)
    assert 0 < short.distance < 1


def test_own_interpolation_is_the_limit_where_its_assumptions_hold():
    rng = np.random.default_rng(0)
    shape = small_settings()
    # Random full-rank query-key matrices and Gaussian tokens: scores of unit variance times beta^2 = 1/4.
    half = np.sqrt(0.5) / np.sqrt(96) ** 0.5
    query, key = (rng.standard_normal((96, 192)) * half / 96**0.25 for _ in range(2))
    model = Transformer("random", ac.FAMILIES[0], shape, {}, ({"query": query, "key": key},))
    found = own_interpolation.own_interpolation(model, 0, rng.standard_normal((384, 96)), heads=2)
    assert 0.2 < found.beta < 0.8
    assert abs(found.measured - found.predicted_random) < 0.05
    assert abs(found.measured - found.gaussian) < 0.05
    assert found.ratio == 0.25


def test_promises_follow_from_what_holds():
    shape = small_settings()
    held = promises.promises(shape, 32, {"A1": True, "A2": True, "A3": True})
    assert [each.examples for each in held] == [2 * 31 + 1, 2 * 31 + 1, 2 * 96]
    none = promises.promises(shape, 32, {"A1": True, "A2": False, "A3": True})
    assert [each.examples for each in none] == [None, None, None]
    assert all("Assumption 2 fails" in each.because for each in none)


@pytest.fixture
def causal(tmp_path):
    """A small causal model that knows some facts: its last layer adds the answer's row to the subject's."""
    model = sources.load(small.write("gpt2", tmp_path / "model"))

    class Words:
        def __init__(self):
            self.words = {}

        def encode(self, text, add_special_tokens=False):
            found = [self.words.setdefault(word, 1 + len(self.words)) for word in text.split()]
            return type("Encoded", (), {"ids": found})

        def decode(self, ids):
            return " ".join(word for word, number in self.words.items() if number in ids)

    words = Words()
    return replace(model, tokenizer=lambda: words)


def told(causal, share, count=20, seed=0):
    """Replace the forward pass by one that gives the answer's logit a lead for a share of the facts."""
    words = causal.tokenizer()
    rng = np.random.default_rng(seed)
    known = rng.random(count) < share

    class Told(type(causal)):
        def last(self, ids):
            return np.repeat(np.asarray(ids)[:, :, None], 32, axis=2).astype(np.float32)

        def logits(self, x):
            names = {number: word for word, number in words.words.items()}
            out = np.zeros((len(x), 200))
            for row, number in enumerate(x[:, 0].astype(int)):
                subject = names[number]
                if subject.startswith("s") and known[int(subject[1:])]:
                    out[row, words.words[f"o{subject[1:]}"]] = 12
            return out

    return Told(**{name: getattr(causal, name) for name in causal.__dataclass_fields__}), known


def table(path, count=20):
    path.write_text("subject,object\n" + "".join(f"s{i},o{i}\n" for i in range(count)))
    return str(path)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_facts_are_counted_in_bits(causal, tmp_path, share):
    source = table(tmp_path / "facts.csv")
    model, known = told(causal, share)
    found = factual_memory.fact_recall(model, source, template="of {subject}")
    assert found.first_token == found.recall == found.among_answers == known.mean()
    assert found.bits_of_table == pytest.approx(np.log2(np.arange(1, 21)).sum())
    assert found.shuffled["bits"] < 8
    assert found.shuffled["evidence"] < 4
    if share == 0:
        assert (found.bits, found.evidence < 0.01) == (0, True)
    elif share == 1:
        assert found.bits == found.bits_of_table
        assert found.evidence > 50
    else:
        assert 10 < found.evidence <= found.bits < found.bits_of_table


def test_evidence_by_chance_keeps_its_promise(causal, tmp_path):
    source = table(tmp_path / "facts.csv", 6)
    model, _ = told(causal, 1.0, 6)
    task = factual_memory.tasks.load(source)
    rng = np.random.default_rng(0)
    log_p = rng.standard_normal((6, task.vocabulary_size)) * 3
    logits = factual_memory._calibrated(task, log_p)
    reached = []
    for _ in range(40):
        mixed = replace(task, answers=rng.permutation(task.answers))
        reached.append(factual_memory.Code(factual_memory.pieces_of(logits), mixed).evidence)
    for bits in (1, 2, 3):
        assert np.mean(np.array(reached) >= bits) <= 2.0**-bits + 3 * np.sqrt(2.0**-bits / 40)
    assert model.family.causal


def test_what_cannot_be_asked_is_refused(causal, tmp_path):
    source = table(tmp_path / "facts.csv")
    with pytest.raises(InputError, match=r"template: expected a text with \{subject\}"):
        factual_memory.fact_recall(causal, source, template="of")
    with pytest.raises(InputError, match="no braces but"):
        factual_memory.fact_recall(causal, source, template="{subject} {city}")
    with pytest.raises(InputError, match="table of facts"):
        factual_memory.fact_recall(causal, "random:10,2,20")
    bert = sources.load(small.write("bert", tmp_path / "bert"))
    with pytest.raises(InputError, match="causal language model"):
        factual_memory.fact_recall(bert, source)
    with pytest.raises(InputError, match="at most 20 tokens"):
        factual_memory.fact_recall(causal, source, template="of {subject}" + " of" * 30)


def test_parts_could_hold_what_the_catalogue_says(causal):
    held = factual_memory.could_hold(causal)
    assert sum(causal.parameters[part] for part in ("attention", "mlp", "other")) == causal.parameters["total"]
    assert held["attention"].parameters == 2 * (32 * 96 + 96 + 32 * 32 + 32)
    assert held["mlp"].allenzhu2025 == 2 * held["mlp"].parameters
    assert held["total"].morris2025 == pytest.approx(3.6 * held["total"].parameters)
    assert held["total"].counting == pytest.approx(32 * held["total"].parameters, rel=0.2)


def ids(path, rows=40, columns=12):
    np.savez(path, ids=np.random.default_rng(0).integers(0, 60, (rows, columns)))
    return str(path)


def test_a_model_is_audited_from_the_command_line(capsys, tmp_path):
    folder = small.write("qwen2", tmp_path / "model")
    given = ids(tmp_path / "ids.npz")
    line = ["audit", str(folder), "--inputs", given, "--subsets", "50"]
    code, out, err = command.run(capsys, *line, "--json", "--plot", str(tmp_path / "a.svg"))
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert [(layer["layer"], layer["input"]) for layer in found["layers"]] == [(0, "embedding"), (1, "after block 1")]
    layer = found["layers"][1]
    assert {"size", "fraction", "low", "high"} <= layer["kruskal"].keys()
    assert {"general_position", "context_rank_full_fraction", "saturation"} <= layer.keys()
    assert layer["holds"].keys() == {"A1", "A2", "A3"}
    head = layer["heads"][0]
    assert {"head", "saturation", "entropy", "temperature", "a1", "nu", "query_key"} <= head.keys()
    assert {"distance", "rank"} <= head["query_key"].keys()
    assert len(layer["heads"]) == found["settings"]["heads"] == 4
    assert layer["untrained"]["kruskal"]["subsets"] == 50
    assert (tmp_path / "a.svg").read_text().startswith("<svg")
    code, out, err = command.run(capsys, *line)
    assert (code, err) == (0, "")
    assert "after block 1" in out
    assert "theorems' layer has neither norm" in out


def test_an_audit_is_written_as_a_page(capsys, tmp_path):
    folder, given = small.write("gpt2", tmp_path / "<model>"), ids(tmp_path / "ids.npz")
    out = tmp_path / "found"
    line = ["audit", str(folder), "--inputs", given, "--subsets", "20", "--layers", "0", "--out", str(out), "--json"]
    code, printed, _ = command.run(capsys, *line)
    assert code == 0
    assert json.loads((out / "audit.json").read_text()) == json.loads(printed)
    page = (out / "report.html").read_text()
    assert "&lt;model&gt;" in page
    assert "<model>" not in page
    first = json.loads(printed)["layers"][0]
    assert f"{first['kruskal']['fraction']:.4g} [" in page
    assert page.count(">Heads</h2>") == 1
    code, printed, err = command.run(capsys, "report", str(out), "--json")
    assert (code, json.loads(printed)) == (0, {"path": str(out / "report.html")})
    assert command.run(capsys, *line)[0] == 2
    (out / "audit.json").write_text("{}")
    code, _, err = command.run(capsys, "report", str(out))
    assert (code, "not what attncap audit wrote" in err) == (2, True)


def test_one_layer_may_be_chosen_and_others_are_refused(capsys, tmp_path):
    folder, given = small.write("bert", tmp_path / "model"), ids(tmp_path / "ids.npz")
    line = ["audit", str(folder), "--inputs", given, "--subsets", "20", "--json"]
    _, out, _ = command.run(capsys, *line, "--layers", "1")
    assert [layer["layer"] for layer in json.loads(out)["layers"]] == [1]
    for wrong, says in (
        (["--layers", "2"], "--layers: expected numbers from 0 to 1, got 2"),
        (["--layers", "one"], "--layers: expected numbers such as 0,3,5, got 'one'"),
        (["--subset-size", "41"], "--subset-size: expected 1 to the number of examples, 40, got 41"),
        (["--facts", "capitals"], "a causal language model"),
        (["--template", "of {subject}"], "--template: expected facts beside it"),
    ):
        code, out, err = command.run(capsys, *line[:-1], *wrong)
        assert (code, out, err.count("\n")) == (2, "", 1), err
        assert says in err
    code, _, err = command.run(capsys, "audit", str(folder))
    assert (code, "--inputs: expected what to run the model on" in err) == (2, True)


def test_images_and_their_positions(tmp_path):
    model = sources.load(small.write("dinov2", tmp_path / "model"))
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "images.npz", images=rng.integers(0, 256, (30, 16, 16, 3), dtype=np.uint8))
    read = audit_inputs.read(model, str(tmp_path / "images.npz"), examples=20)
    assert read.arrays.shape == (20, 3, 16, 16)
    found = ac.audit(tmp_path / "model", inputs=str(tmp_path / "images.npz"), layers=[0], subsets=20)
    assert found.layers[0].assumptions.context == 17
    # Class tokens before the first block are all alike.
    assert found.layers[0].assumptions.kruskal.fraction == 0
    assert found.query == "cls"
    with pytest.raises(InputError, match="expected images"):
        audit_inputs.read(model, ids(tmp_path / "ids.npz"))
    with pytest.raises(InputError, match="folder of at least 2 pictures"):
        audit_inputs.read(model, str(tmp_path))


def test_texts_are_cut_by_the_models_own_tokenizer(glassllm_path, tmp_path):
    model = sources.load(glassllm_path)
    text = tmp_path / "text.txt"
    text.write_text("Alice was beginning to get very tired of sitting by her sister on the bank. " * 40)
    read = audit_inputs.read(model, str(text), context=16, examples=10)
    assert read.arrays.shape == (10, 16)
    whole = model.tokenizer().encode(text.read_text()).ids
    np.testing.assert_array_equal(read.arrays[0], whole[:16])
    with pytest.raises(InputError, match="context: expected 2 to 128"):
        audit_inputs.read(model, str(text), context=129)
    text.write_text("Alice")
    with pytest.raises(InputError, match="expected at least 2 contexts"):
        audit_inputs.read(model, str(text))
    with pytest.raises(InputError, match="no such text"):
        audit_inputs.read(model, str(tmp_path / "none.txt"))


@pytest.fixture
def glassllm_path():
    """The tiny language model that the tests install."""
    pytest.importorskip("glassllm", reason="needs glassllm")
    return named_model("glassllm")


def test_the_chart_draws_what_was_found(tmp_path):
    from attncap.plots import audit_chart

    from .marks import marks

    np.savez(tmp_path / "layer.npz", contexts=examples_of()[0], queries=examples_of()[1])
    found = ac.audit(tmp_path / "layer.npz", subsets=40)
    drawn = marks(audit_chart(found).to_dict())
    layer = found.layers[0].assumptions
    curve = next(rows for kind, fields, rows in drawn if kind == "line" and fields["x"] == "size")
    assert [row["fraction"] for row in curve] == [share.fraction for share in layer.curve]
    assert [row["size"] for row in curve] == [share.size for share in layer.curve]
    spectrum = next(rows for kind, fields, rows in drawn if kind == "line" and fields["x"] == "place")
    np.testing.assert_allclose([row["value"] for row in spectrum], layer.values / layer.values[0])


def test_the_papers_audits_are_known_and_say_what_they_need(monkeypatch):
    from attncap import papers
    from attncap.papers.mahdavi2024 import audit as theirs

    assert {"table1", "fig1", "text"} <= papers.figures("mahdavi2024").keys()

    def missing(*_):
        raise UnmetError("not installed")

    monkeypatch.setattr(theirs, "named_model", missing)
    for draw in (theirs.table1, theirs.figure1, theirs.text):
        with pytest.raises(UnmetError, match="not installed"):
            draw("quick", 0)


def test_table_1_on_a_small_vision_transformer(tmp_path, monkeypatch):
    from attncap.papers.mahdavi2024 import audit as theirs

    model = sources.load(small.write("dinov2", tmp_path / "model"))
    rng = np.random.default_rng(0)
    monkeypatch.setattr(theirs, "vision", lambda: model)
    monkeypatch.setattr(
        theirs, "load_photographs", lambda count, seed: rng.integers(0, 256, (40, 16, 16, 3), dtype=np.uint8)
    )
    drawn = theirs.table1("quick", 0)
    lines = {row["representation"]: row for row in drawn.table.rows(named=True)}
    assert list(lines) == ["Embedding", "RandAtt", "RandViT", "trained"]
    # The class token is the same for all images; one layer of attention tells them apart.
    assert (lines["Embedding"]["A1"], lines["Embedding"]["ranks"]) == (0, "1 to 1")
    assert lines["Embedding"]["A3"] == lines["RandAtt"]["A1"] == lines["trained"]["A1"] == 1
    assert "DINOv2" in drawn.measured["differs"]
    curve = theirs.figure1("quick", 0)
    assert set(curve.table["series"]) == {"ours", "paper"}
    assert curve.table.filter(series="paper")["fraction"].to_list() == list(theirs.SHARES)


def test_random_attention_is_its_formula():
    from attncap.papers.mahdavi2024.audit import random_attention

    rng = np.random.default_rng(0)
    x, (query, key, value, output) = rng.standard_normal((2, 5, 8)), rng.standard_normal((4, 8, 8))
    found = random_attention(x, np.stack([query, key, value, output]))
    for one, context in zip(found, x, strict=True):
        normed = np.array([(row - row.mean()) / np.sqrt(row.var() + 1e-6) for row in context])
        for place, row in enumerate(normed):
            weights = np.exp([row @ query @ (other @ key) / np.sqrt(8) for other in normed])
            mixed = (weights / weights.sum()) @ (normed @ value) @ output
            np.testing.assert_allclose(one[place], context[place] + mixed, rtol=1e-6)


def test_crops_of_photographs():
    from attncap.data.photographs import load_photographs

    pytest.importorskip("PIL")
    crops = load_photographs(4, side=16, seed=1)
    assert (crops.shape, crops.dtype) == ((4, 16, 16, 3), np.uint8)
    assert len(np.unique(crops.reshape(4, -1), axis=0)) == 4
    np.testing.assert_array_equal(crops, load_photographs(4, side=16, seed=1))
