r"""What a real causal language model recalls of a table of facts, in facts and in bits with evidence."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int
from scipy.special import log_softmax, logsumexp

from attncap import bounds, tasks
from attncap.audit.transformer import Transformer
from attncap.constraints import Seed, checked
from attncap.errors import InputError
from attncap.measure.code_length import Code, pieces_of
from attncap.progress import bar
from attncap.result import Result, hidden
from attncap.tasks import Associations
from attncap.tasks.association import relations

if TYPE_CHECKING:
    from rich.console import RenderableType

TEMPLATE = "The {relation} of {subject} is"
# Of the catalogue: what counting allows, and what trained models were measured to hold.
LIMITS = ("counting", "allenzhu2025", "morris2025")
SHOWN = 8


@dataclass(frozen=True)
class Holds(Result):
    """What a part of a model could hold at most, or was seen to hold in others.

    Attributes:
        parameters: of the part.
        counting: bits that its stored weights have: no code of any kind holds more.
        allenzhu2025: at 2 bits per parameter, which trained models reached after 1,000 exposures of each fact.
        morris2025: at 3.6 bits per parameter, measured on random tokens.
    """

    parameters: int
    counting: float
    allenzhu2025: float
    morris2025: float


@dataclass(frozen=True)
class FactRecall(Result):
    r"""What a model recalls.

    Attributes:
        table: name of the facts.
        template: the prompt.
        facts: how many were asked for.
        recall: share of whose answer every token has the largest logit, the tokens before it given.
        first_token: share of whose answer's first token has the largest logit of the whole vocabulary.
        among_answers: share of whose answer's first token has the largest calibrated score of its relation's answers.
        bits: what the answers' scores save of the code that knows which answers a relation has, not whose they are.
        bits_of_table: what that code takes, and bits can reach.
        evidence: in bits; were the answers assigned to the subjects by chance, it would exceed b with a probability of
            at most $2^{-b}$.
        shuffled: bits and evidence of the same scores with the subjects of each relation shuffled: what chance gives.
        could_hold: attention, perceptrons (mlp), and the whole model, by counting and by what others measured.
        said: the prompts, the answers, and the greedy next token.
    """

    table: str
    template: str
    facts: int
    recall: float
    first_token: float
    among_answers: float
    bits: float
    bits_of_table: float
    evidence: float
    shuffled: dict[str, float]
    could_hold: dict[str, Holds]
    said: list[tuple[str, str, str]] = hidden(default_factory=list)

    @property
    def cites(self) -> tuple[str, ...]:
        """The bounds beside the bits."""
        return LIMITS

    def __rich__(self) -> "RenderableType":
        from rich.console import Group

        from attncap.terminal import Rows

        table = Rows()
        chance = self.shuffled
        table.add_row("facts", f"{self.facts:,} of {self.table}, asked as {self.template!r}")
        table.add_row("whole answer", f"{self.recall:.1%}")
        table.add_row("first token", f"{self.first_token:.1%}; {self.among_answers:.1%} among the relation's answers")
        table.add_row("bits", f"{self.bits:,.0f} of {self.bits_of_table:,.0f}, evidence {self.evidence:,.0f}")
        table.add_row("subjects shuffled", f"{chance['bits']:,.0f} bits, evidence {chance['evidence']:,.1f}")
        for part, held in self.could_hold.items():
            table.add_row(
                f"could hold, {part}",
                f"{held.allenzhu2025:,.0f} bits at 2 per parameter, {held.counting:,.0f} by counting",
            )
        return Group(table, *(f"{prompt} -> {said!r} ({answer!r})" for prompt, answer, said in self.said[:SHOWN]))


@checked
def fact_recall(model: Transformer, source: str, *, template: str | None = None, seed: Seed = 0) -> FactRecall:
    r"""Ask a causal language model for every fact of a table.

    The score of an answer v to a prompt t is the logarithm of its first token's probability less the mean over the
    prompts of the same relation,

    $$\ell_t(v) = \ln p(v \mid t) - \ln \frac1T \sum_{t'} p(v \mid t'),$$

    which uses the answers of the relation and the prompts, not which belongs to which: the prior measured on the same
    prompts with subjects shuffled. The bits are those of `attncap.measure.bits` at these scores.

    Args:
        model: a causal language model with a tokenizer.
        source: a table of facts: a named one, or a file (see `attncap.tasks.load`).
        template: the prompt, with {subject} and perhaps {relation}; "The {relation} of {subject} is" by default.
        seed: of the shuffled subjects.

    Raises:
        InputError: no table of facts, a template without {subject}, or a model that predicts no next token.
    """
    template = TEMPLATE if template is None else template
    task = tasks.load(source)
    if task.kind != "facts":
        raise InputError("facts", "a table of facts", source)
    if "{subject}" not in template:
        raise InputError("template", "a text with {subject}", template)
    if not model.family.causal or model.tokenizer is None:
        raise InputError("facts", "a causal language model with a tokenizer", model.family.name)
    tokenizer = model.tokenizer()
    try:
        prompts = [template.format(relation=words[0], subject=words[1]) for words, _ in map(task.words, _rows(task))]
    except (KeyError, IndexError, ValueError) as error:
        raise InputError("template", "no braces but {relation} and {subject}", template, f" ({error})") from None
    # A word after another begins with the space between them.
    ids = [tokenizer.encode(prompt, add_special_tokens=False).ids for prompt in prompts]
    words = [tokenizer.encode(f" {word}", add_special_tokens=False).ids for word in task.vocabulary]
    if not all(map(len, words)) or not all(map(len, ids)):
        raise InputError(f"{model.name}: its tokenizer gives no token for some prompts or answers")
    first = np.array([word[0] for word in words])
    log_p, whole, said = _ask(model, ids, [words[answer] for answer in task.answers], first)
    logits = _calibrated(task, log_p)
    code = Code(pieces_of(logits), task)
    mixed = _shuffled(task, seed)
    chance = Code(pieces_of(logits[mixed]), task)
    top = np.array([logits[row, answer] >= logits[row].max() for row, answer in enumerate(task.answers)])
    unique = np.array([(logits[row] == logits[row].max()).sum() == 1 for row in _rows(task)])
    return FactRecall(
        table=task.name,
        template=template,
        facts=task.associations,
        recall=float(whole.mean()),
        first_token=float((said == first[task.answers]).mean()),
        among_answers=float((top & unique).mean()),
        bits=task.bits if code.recalled else code.best[0],
        bits_of_table=task.bits,
        evidence=code.evidence,
        shuffled={"bits": chance.best[0], "evidence": chance.evidence},
        could_hold=could_hold(model),
        said=[
            (prompt, task.vocabulary[answer], tokenizer.decode([int(token)]))
            for prompt, answer, token in zip(prompts, task.answers, said, strict=True)
        ],
    )


def could_hold(model: Transformer) -> dict[str, Holds]:
    """Return what the parts of a model could hold."""
    counted = model.parameters
    return {
        part: Holds(
            counted[part],
            # The catalogue counts whole bits; quantized weights take a fraction more.
            model.bits_per_weight * bounds.value("counting", parameters=counted[part], bits_per_weight=1),
            *(float(bounds.value(name, parameters=counted[part])) for name in LIMITS[1:]),
        )
        for part in ("attention", "mlp", "total")
    }


def _rows(task: Associations) -> range:
    return range(task.associations)


def _ask(
    model: Transformer, prompts: list[list[int]], answers: list[list[int]], first: Int[np.ndarray, " N"]
) -> tuple[Float[np.ndarray, "T N"], np.ndarray, np.ndarray]:
    """Return the log-probability of every word's first token, whether the whole answer is said, and what is said."""
    log_p = np.empty((len(prompts), len(first)))
    whole, said = np.zeros(len(prompts), dtype=bool), np.empty(len(prompts), dtype=np.int64)
    lengths = np.array([len(prompt) + len(answer) for prompt, answer in zip(prompts, answers, strict=True)])
    if lengths.max() - 1 > model.settings.positions:
        raise InputError("facts", f"prompts of at most {model.settings.positions} tokens", int(lengths.max()))
    with bar("facts", len(prompts)) as advance:
        for group in _alike(model, lengths):
            # The last token of an answer predicts nothing that is asked for.
            last = model.last(np.array([[*prompts[row], *answers[row]][:-1] for row in group]))
            for row, states in zip(group, last, strict=True):
                logits = model.logits(states[len(prompts[row]) - 1 :]).astype(np.float64)
                log_p[row] = log_softmax(logits[0])[first]
                said[row] = logits[0].argmax()
                whole[row] = (logits.argmax(axis=1) == answers[row]).all()
            advance(len(group))
    return log_p, whole, said


def _alike(model: Transformer, lengths: Int[np.ndarray, " T"]) -> Iterator[Int[np.ndarray, " rows"]]:
    """Yield rows of the same length, few enough for the memory."""
    for length in np.unique(lengths):
        rows = np.flatnonzero(lengths == length)
        for part in model.batches(len(rows), int(length)):
            yield rows[part]


def _calibrated(task: Associations, log_p: Float[np.ndarray, "T N"]) -> Float[np.ndarray, "T N"]:
    """Return scores less what they are on average over a relation's prompts; minus infinity for its other words."""
    groups = relations(task.sequences)
    out = np.full_like(log_p, -np.inf)
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        own = np.unique(task.answers[rows])
        scores = log_p[np.ix_(rows, own)]
        out[np.ix_(rows, own)] = scores - (logsumexp(scores, axis=0) - np.log(len(rows)))
    return out


def _shuffled(task: Associations, seed: int) -> Int[np.ndarray, " T"]:
    """Return for each fact the prompt of another subject of its relation, where there is one."""
    rng, groups = np.random.default_rng(seed), relations(task.sequences)
    other = np.arange(task.associations)
    for group in np.unique(groups):
        rows = rng.permutation(np.flatnonzero(groups == group))
        other[rows] = np.roll(rows, 1)
    return other
