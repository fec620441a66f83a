"""The certificate: its bound against adversarial orders, against the worst rounding there is, and without each term."""

import inspect
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attncap.construct import margin, theorem
from attncap.errors import InputError
from attncap.measure import certificate, rounding
from attncap.measure.certificate import LeadBounds, certificates, certify
from attncap.measure.orders import ORDERS, right_in
from attncap.measure.rounding import ARITHMETICS
from attncap.tasks import random_associations

from .test_models import random_model


def bounds_of_all_pairs(model, sequences, arithmetic="float32", encoder=rounding.Encoder, leads=LeadBounds):
    """The bound of every difference of two logits, (T, N, N), uninflated, from weights in float64."""
    kind = ARITHMETICS[arithmetic]
    bounds = leads(model, kind)
    bounds.encoder = encoder(model, kind)
    found = bounds.encoder.encode(sequences)
    encoded = rounding.Encodings(found.values, found.parts, found.largest)
    N = model.vocabulary_size
    first, second = np.divmod(np.arange(N * N), N)
    rows = np.repeat(np.arange(len(sequences)), N * N)
    error, size = encoded.error[rows], bounds._sizes(encoded)[rows]
    found = bounds.of_pairs(error, size, np.tile(first, len(sequences)), np.tile(second, len(sequences)))
    return found.reshape(-1, N, N)


def adversarial(seed):
    """Models that round badly: large common parts that cancel, hard attention, unlike sizes, narrow and wide shapes."""
    rng = np.random.default_rng(seed)
    N, S, d, dh, H = (int(rng.integers(low, high)) for low, high in ((2, 9), (1, 8), (2, 12), (1, 12), (1, 7)))
    model = random_model(N, S, d, min(dh, d), H, seed=seed, score_scale=float(rng.choice([0.3, 1.0, 5.0])))
    model = replace(model, residual_position=bool(rng.integers(2)))
    common = 10 ** rng.uniform(-1, 2)
    kind = seed % 4
    if kind == 0:
        model = replace(model, position=model.position + common)
    elif kind == 1:
        model = replace(model, unembedding=model.unembedding + common)
    elif kind == 2:
        model = replace(model, output=model.output * np.geomspace(1e-3, common, H)[:, None, None])
    sequences = rng.integers(N, size=(12, S))
    return model.astype("float32"), sequences


@given(seed=st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_no_order_deviates_by_more_than_the_bound(seed):
    model, sequences = adversarial(seed)
    reference = model.astype("float64").forward(sequences)
    bound = bounds_of_all_pairs(model.astype("float64"), sequences) * (1 + 2**-28)
    for order in ORDERS.values():
        off = order.program(model)(sequences).astype(np.float64) - reference
        assert (abs(off[:, :, None] - off[:, None]) <= bound).all()


class Traced:
    """A number with its derivatives by every rounding so far; each operation rounds, and adds one."""

    roundings = 0
    SPACE = 800

    def __init__(self, value, slopes=None, times=0):
        self.value, self.slopes = float(value), np.zeros(self.SPACE) if slopes is None else slopes
        for _ in range(times):
            self.slopes[Traced.roundings] += self.value
            Traced.roundings += 1

    def __add__(self, other):
        return Traced(self.value + other.value, self.slopes + other.slopes, 1)

    def __sub__(self, other):
        return Traced(self.value - other.value, self.slopes - other.slopes, 1)

    def __mul__(self, other):
        return Traced(self.value * other.value, self.slopes * other.value + other.slopes * self.value, 1)

    def __truediv__(self, other):
        found = self.value / other.value
        return Traced(found, (self.slopes - found * other.slopes) / other.value, rounding.DIVISION)

    def exp(self):
        found = np.exp(self.value)
        return Traced(found, found * self.slopes, 8)


def dot(left, right):
    total, *rest = (a * b for a, b in zip(left, right, strict=True))
    for product in rest:
        total = total + product
    return total


def apply(matrix, vector):
    return [dot(row, vector) for row in matrix]


def transposed(matrix):
    return [list(column) for column in zip(*matrix, strict=True)]


def product(left, right):
    return [[dot(row, column) for column in transposed(right)] for row in left]


def inputs(model, sequence):
    Traced.roundings = 0
    w = {name: np.vectorize(Traced, otypes=[object])(tensor).tolist() for name, tensor in model.tensors().items()}
    return w, [
        [e + p for e, p in zip(w["embedding"][t], w["position"][s], strict=True)] for s, t in enumerate(sequence)
    ]


def traced_scores(scale, Q, K, x, program):
    if program == "textbook":
        scores = [dot(apply(Q, x[-1]), apply(K, xs)) for xs in x]
    elif program == "folded":
        scores = [dot(apply(transposed(K), apply(Q, x[-1])), xs) for xs in x]
    else:
        scores = [dot(apply(transposed(product(transposed(Q), K)), x[-1]), xs) for xs in x]
    return [Traced(scale) * score for score in scores]


def worst_case(model, sequence, program, y, v):
    r"""The largest change of $\ell_y - \ell_v$ that roundings of size u add up to, to first order, in one program.

    Every operation's result is off by a factor $1 + \delta_i$: the worst case is u times the sum of the derivatives'
    sizes. The sums run in sequence, so their first products pass through as many roundings as any order's.
    """
    w, x = inputs(model, sequence)
    total = x[-1] if model.residual_position else w["embedding"][sequence[-1]]
    for Q, K, V, W in zip(w["query"], w["key"], w["value"], w["output"], strict=True):
        scores = traced_scores(model.score_scale, Q, K, x, program)
        top = max(scores, key=lambda score: score.value)
        weights = [(score - top).exp() for score in scores]
        norm = dot(weights, [Traced(1.0)] * len(weights))
        weights = [weight / norm for weight in weights]
        if program == "textbook":
            out = apply(W, apply(transposed([apply(V, xs) for xs in x]), weights))
        else:
            mean = apply(transposed(x), weights)
            out = apply(W, apply(V, mean)) if program == "folded" else apply(product(W, V), mean)
        total = [a + b for a, b in zip(total, out, strict=True)]
    own, other = (dot(w["unembedding"][token], total) for token in (y, v))
    return float(abs(own.slopes - other.slopes).sum()) * 2.0**-24


PROGRAMS = ("textbook", "folded", "multiplied out")
TINY = [(1, 1, 1, 1), (1, 1, 1, 2), (2, 1, 1, 2), (1, 1, 2, 3), (2, 2, 2, 2), (3, 1, 1, 2), (1, 2, 1, 2)]


def ill_conditioned(seed):
    """A tiny model, one of whose parts is much larger or smaller than the others."""
    d, dh, H, S = TINY[seed % len(TINY)]
    rng = np.random.default_rng(seed)
    model = random_model(3, S, d, dh, H, seed=seed, residual_position=bool(rng.integers(4)))
    model = replace(model, score_scale=float(rng.choice([0.1, 1.0, 1.7])))
    sizes = {name: 10 ** rng.choice([-2.0, 0.0, 0.0, 1.0]) for name in model.tensors()}
    model = replace(model, **{name: sizes[name] * tensor for name, tensor in model.tensors().items()})
    if d > 1 and rng.integers(3) == 0:  # large scores that are nearly equal, of inputs that are not
        blind = [np.where(np.arange(d) < 1, 1.0, 0.0), np.where(np.arange(d) < 1, 0.0, 1.0)]
        model = replace(model, query=model.query * blind[0], key=model.key * blind[0], value=model.value * blind[1])
        model = replace(model, position=model.position * blind[1] + 10 ** rng.uniform(0, 2) * blind[0])
    if rng.integers(2):  # scores, or logits, that cancel
        model = replace(model, unembedding=model.unembedding + 10 ** rng.uniform(0, 3))
    if rng.integers(2):
        model = replace(model, position=np.broadcast_to(10 ** rng.uniform(0, 2), model.position.shape).copy())
    return model.astype("float32").astype("float64"), rng.integers(3, size=S)


@cache
def worst_cases(seed):
    """A model, a sequence, and the worst case of each pair of tokens over the programs."""
    model, sequence = ill_conditioned(seed)
    pairs = [(0, 1), (0, 2), (1, 2)]
    return (
        model,
        sequence,
        {(y, v): max(worst_case(model, sequence, each, y, v) for each in PROGRAMS) for y, v in pairs},
    )


def worst_ratio(seed, encoder=rounding.Encoder, leads=LeadBounds):
    """The largest ratio of the worst case to the bound, over programs and pairs of tokens."""
    model, sequence, found = worst_cases(seed)
    with np.errstate(all="ignore"):
        bound = bounds_of_all_pairs(model, sequence[None], encoder=encoder, leads=leads)[0]
        return max(worst / bound[pair] for pair, worst in found.items())


@cache
def worst_scores(seed):
    """A model, a sequence, and the worst cases of its scores in each program, (H, S)."""
    model, sequence = ill_conditioned(seed)
    found = {}
    for each in PROGRAMS:
        w, x = inputs(model, sequence)
        heads = [traced_scores(model.score_scale, Q, K, x, each) for Q, K in zip(w["query"], w["key"], strict=True)]
        found[each] = np.array([[abs(score.slopes).sum() for score in head] for head in heads]) * 2.0**-24
    return model, sequence, found


def score_ratio(seed, encoder=rounding.Encoder):
    """The largest ratio of the worst case of a score to its bound, over heads and positions, of each program."""
    model, sequence, found = worst_scores(seed)
    x = model.inputs(sequence[None])
    bound = encoder(model, ARITHMETICS["float32"]).score_errors(x, x[:, -1] @ model.query.transpose(0, 2, 1))
    with np.errstate(all="ignore"):
        return max(float((worst / bound[each][:, 0]).max()) for each, worst in found.items())


CASES = range(120)


def test_the_bound_covers_the_worst_rounding_and_not_much_more():
    ratios = np.array([worst_ratio(seed) for seed in CASES])
    scores = np.array([score_ratio(seed) for seed in CASES])
    assert ratios.max() <= 1
    assert scores.max() <= 1
    assert ratios.max() > 0.8
    assert scores.max() > 0.95


# Each line of the bound, broken: what is replaced, and by what.
MUTANTS = {
    "queries are exact": ("q_off = gamma(dim + 1) *", "q_off = 0 *"),
    "keys are exact": ("k_off = gamma(dim + 1) *", "k_off = 0 *"),
    "products of query and key are exact": ("q_off + gamma(rank + 1) * q, k)", "q_off, k)"),
    "errors of keys are not asked for": ('textbook += np.einsum("htj,htsj->hts", q, k_off) + self.underflow', "pass"),
    "the folded key is exact": ("(q_off + gamma(rank) * q) @ abs(model.key)", "q_off @ abs(model.key)"),
    "the folded query is exact": ("(q_off + gamma(rank) * q) @", "(gamma(rank) * q) @"),
    "W_QK is exact": ("product_off = gamma(rank) *", "product_off = 0 *"),
    "the query times W_QK is exact": ("last @ (product_off + gamma(dim + 1) * product)", "last @ product_off"),
    "scores are exact products": ("whole = off + gamma(dim + 2) * (abs(vector) + 2 * off)", "whole = off"),
    "one rounding fewer in scores": ("gamma(dim + 2) * (abs(vector)", "gamma(dim + 1) * (abs(vector)"),
    "scores do not shift": ('"scores": off,', '"scores": 0 * off,'),
    "half the scores' shift": ('"scores": off,', '"scores": off / 2,'),
    "the score scale is forgotten": ("abs(model.score_scale) * off for", "off for"),
    "the attention does not move": ('np.einsum("hts,htsi->ti", moved, outputs)', "0 * abs(model.skip(sequences))"),
    "averages and values are exact": ("rough = gamma(widest + 2 * model.context + DIVISION) *", "rough = 0 *"),
    "averages are exact": ("gamma(widest + 2 * model.context + DIVISION)", "gamma(widest)"),
    "sums over heads are exact": ("gamma(model.heads * widest + 1) * total", "0 * total"),
    "the skip connection is exact": ("joined) + abs(model.skip(sequences))", "joined)"),
    "the heads' products are exact": ("total = np.maximum(separate, joined)", "total = 0 * separate"),
}


LEAD_MUTANTS = {
    "encodings are exact": ("return apart +", "return"),
    "logits are exact sums": ('np.einsum("td,td->t", self.absolute[first] + self.absolute[second], size)', "0"),
    "the other logit is an exact sum": (
        "self.absolute[first] + self.absolute[second], size",
        "self.absolute[first], size",
    ),
    "encodings are small": ("self._roundings * (abs(encoded.values)", "self._roundings * (0"),
}


def mutated(module, old, new):
    source = inspect.getsource(module)
    assert source.count(old) == 1, old
    namespace = {"__name__": module.__name__}
    exec(compile(source.replace(old, new), module.__file__, "exec"), namespace)
    return namespace


@pytest.mark.parametrize("mutant", MUTANTS)
def test_no_term_of_the_bound_can_go(mutant):
    encoder = mutated(rounding, *MUTANTS[mutant])["Encoder"]
    assert any(score_ratio(seed, encoder) > 1 or worst_ratio(seed, encoder) > 1 for seed in CASES)


@pytest.mark.parametrize("mutant", LEAD_MUTANTS)
def test_no_term_of_a_lead_can_go(mutant):
    leads = mutated(certificate, *LEAD_MUTANTS[mutant])["LeadBounds"]
    assert any(worst_ratio(seed, leads=leads) > 1 for seed in CASES)


def answered(task, model, dtype="float64"):
    """The task whose answers are the model's own."""
    logits = model.astype(dtype).astype("float64").forward(task.sequences)
    return replace(task, answers=logits.argmax(axis=1).astype(np.int32))


@pytest.mark.parametrize("seed", range(4))
def test_proofs_are_of_all_rivals(seed, monkeypatch):
    """Against the definition, pair by pair, where the closest rival is not the one that rounding brings closest."""
    rng, T, N, d = np.random.default_rng(seed), 40, 12, 5
    model = random_model(N, 2, d, 2, 2, seed=seed)
    model = replace(model, unembedding=model.unembedding * 10 ** rng.uniform(-1, 1, (N, 1)))
    values, error = rng.standard_normal((T, d)), 10 ** rng.uniform(-3, 0, (T, d))
    found = rounding.Encodings(values, {"attention": error, "skip": error}, 1.0)
    monkeypatch.setattr(rounding.Encoder, "encode", lambda self, sequences: found)
    logits, U, gamma = values @ model.unembedding.T, model.unembedding, 6 * 2.0**-24
    answers = logits.argmax(axis=1)
    proofs, bound, lead = LeadBounds(model, ARITHMETICS["float32"]).check(np.zeros((T, 2), int), answers, [1.0, 0.1])
    for t in range(T):
        y, others = answers[t], np.delete(np.arange(N), answers[t])
        leads = logits[t, y] - logits[t, others]
        size = gamma * (abs(values[t]) + 4 * error[t])
        bounds = abs(U[y] - U[others]) @ (2 * error[t]) + (abs(U[y]) + abs(U[others])) @ size
        assert lead[t] == pytest.approx(leads.min())
        assert bound[t] == pytest.approx(bounds[leads.argmin()], rel=1e-6)
        assert proofs[0, t] == (leads > bounds).all()
        assert proofs[1, t] == (leads > 0.1 * bounds).all()
    if seed == 0:
        assert 0 < proofs[0].sum() < (lead > bound).sum()


def test_a_finer_arithmetic_takes_its_share_of_the_bound():
    task, model = random_associations(20, 2, 150), random_model(20, 2, 6, 6, 3, r=6)
    task = answered(task, model, "float32")
    own, finer = certificates(model, task, "float32")
    exact = certify(model, task, "float32", "float64")
    assert (own.dtype, own.arithmetic, finer.arithmetic) == ("float32", "float32", "float64")
    assert exact.bound <= finer.bound < 1.001 * exact.bound
    assert finer.bound == pytest.approx(2.0**-28 * own.bound, rel=1e-6)


@pytest.mark.parametrize("name", ["query", "key", "value", "unembedding"])
def test_what_overflows_is_not_certified(name):
    # The other factor brings the product back to its size, but not what is computed before it.
    other = {"query": "key", "key": "query", "value": "output", "unembedding": "unembedding"}[name]
    model = random_model()
    task = answered(random_associations(7, 3, 20), model)
    assert certify(model, task, arithmetic="float32").associations > 0
    large = replace(model, **{other: getattr(model, other) * 1e-39})
    large = replace(large, **{name: getattr(large, name) * 1e39 * (1e39 if name == other else 1)})
    assert certify(large, task).associations == certify(model, task).associations
    assert certify(large, task, arithmetic="float32").associations == 0


def test_tokens_without_a_row_are_rivals():
    model = random_model()
    rows = np.where(np.isin(np.arange(7), (3, 4))[:, None], 0.0, model.unembedding)
    model, task = replace(model, unembedding=rows), random_associations(7, 3, 60)
    task = answered(task, model)
    assert certify(model, task).certified
    # Below two tokens that have no row, whose logits are zero, nobody else leads: and they lead each other by nothing.
    low = replace(model, unembedding=-abs(rows), output=abs(model.output), value=abs(model.value))
    low = replace(low, embedding=abs(model.embedding), position=abs(model.position))
    assert certify(low, replace(task, answers=np.full(60, 3, dtype=np.int32))).associations == 0


def test_what_is_refused():
    task = random_associations(7, 3, 20)
    with pytest.raises(
        InputError, match="arithmetic: expected float32, float64, got 'float23'; did you mean 'float32'"
    ):
        certify(random_model(), task, arithmetic="float23")


@pytest.mark.parametrize(
    ("shape", "method"), [((50, 2, 120), theorem), ((50, 2, 220), theorem), ((50, 3, 540), margin)]
)
def test_memories_with_wide_margins_are_certified(shape, method):
    task = random_associations(*shape)
    model = method(task, 10, heads=11 if method is margin else None).model
    own, finer = certificates(model, task, "float32")
    assert (own.arithmetic, finer.arithmetic) == ("float32", "float64")
    assert own.certified
    assert finer.certified
    assert 0 < own.bound < own.min_margin
    assert all(right_in(model.astype("float32"), task, order).all() for order in ORDERS)


def test_twice_the_deviation_of_one_order_is_no_certificate():
    task = random_associations(2, 12, 196, 44)
    own, finer = certificates(margin(task, 10, heads=11, seed=44).model, task, "float32")
    assert 0 < own.associations < 196
    assert finer.certified


def test_no_certified_answer_flips_in_any_order():
    from benchmarks import certificates as benchmark

    rows = benchmark.sweep(1)
    assert sum(int(fits) for _, _, _, fits, *_ in rows) >= 9
    assert sum(int(whole) for *_, whole, _, _, _ in rows) >= 2
    assert all(flipped == "0" for *_, flipped, _ in rows)
