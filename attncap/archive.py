"""A memory on disk: the weights, the vocabulary, the task and the result, in one directory."""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from scipy.special import softmax

from attncap import measure, models, sums
from attncap.characters import visible
from attncap.constraints import checked
from attncap.data.json_text import parse_json
from attncap.data.spelling import spelling
from attncap.errors import InputError, UnmetError, nearest
from attncap.files import replacing, restore
from attncap.models import TokenModel
from attncap.models.weights import read_header
from attncap.result import Result, hidden, several
from attncap.tasks import Associations
from attncap.tasks.parquet import read_task, write_task

if TYPE_CHECKING:
    from rich.console import RenderableType

    from attncap.fits import Found

VOCABULARY, TASK, RESULT = "vocabulary.json", "task.parquet", "result.json"
# Misses that a person is shown.
SHOWN = 10
# Share of an answer that is still told.
LEAST = 0.01
FILES = (models.FILE, VOCABULARY, TASK, RESULT)


@dataclass(frozen=True)
class Answer(Result):
    """What the weights say.

    Attributes:
        query: the tokens asked, as given.
        answer: the token with the largest logit.
        margin: how far it leads the second, in logits.
        stored: the answer that was memorized; None if this was not.
        answers: of a memory of distributions, each answer to the question that has over 1 % and its probability.
    """

    query: tuple[str, ...]
    answer: str
    margin: float
    stored: str | None
    answers: dict[str, float] | None = None

    def __rich__(self) -> str:
        if self.answers is not None:
            return f"{visible(listed(self.answers))}{'' if self.stored else '  (not memorized)'}"
        note = (
            ""
            if self.stored == self.answer
            else "  (not memorized)"
            if self.stored is None
            else f"  (stored: {visible(self.stored)})"
        )
        return f"{visible(self.answer)}  (margin {self.margin:.3g}){note}"


def listed(answers: Mapping[str, float]) -> str:
    """Write several answers and their probabilities.

    Example:
        >>> listed({"Spanish": 0.5, "Quechua": 0.5})
        'Spanish 50.0%, Quechua 50.0%'
    """
    return ", ".join(f"{word} {share:.1%}" for word, share in answers.items())


@dataclass(frozen=True)
class Miss(Result):
    """A question that is not answered as asked for.

    Attributes:
        query: its tokens, for facts the subject and then the relation.
        expected: the answer that the file gives.
        answer: what the weights say; None if they do not know a token of the question.
    """

    query: tuple[str, ...]
    expected: str
    answer: str | None


@dataclass(frozen=True)
class Examination(Result):
    """What the weights answer to all the questions of another task.

    Attributes:
        asked: the number of questions.
        correct: those whose answer has the strictly largest logit.
        accuracy: correct / asked.
        min_margin: smallest margin of the questions and answers whose tokens are known, in logits; None without one.
        misses: the other questions.
    """

    asked: int
    correct: int
    accuracy: float
    min_margin: float | None
    misses: tuple[Miss, ...]

    def __rich__(self) -> "RenderableType":
        from rich.console import Group

        from attncap.terminal import Rows

        head = Rows()
        head.add_row("recalled", f"{self.correct:,} of {self.asked:,} ({self.accuracy:.2%})")
        if self.min_margin is not None:
            head.add_row("smallest margin", f"{self.min_margin:.3g}")
        if not self.misses:
            return head
        table = Rows("asked", "expected", "answered")
        for miss in self.misses[:SHOWN]:
            said = "(a token is not in the vocabulary)" if miss.answer is None else miss.answer
            table.add_row(" ".join(miss.query), miss.expected, said)
        more = len(self.misses) - SHOWN
        return Group(head, "", table, *([f"and {more:,} more"] if more > 0 else []))


@dataclass(frozen=True)
class Archive:
    """What `write` keeps: a model with the task that it memorized and the result of doing so.

    Attributes:
        path: the directory.
        model: the weights.
        task: what they memorized.
        result: the JSON of the fit.
        checked: whether every file was compared with its hash in SHA256SUMS (directories of 0.1.0 have none).
        header: what the weight file says beside its tensors: method and seed.
        ancestors: fingerprints of the memories that it was changed from (`attncap.memory.save` replaces no other).
    """

    path: Path
    model: TokenModel
    task: Associations
    result: dict[str, Any]
    checked: bool
    header: dict[str, str] = hidden(default_factory=dict)
    ancestors: tuple[str, ...] = hidden(default=(), compare=False)

    def check(self, tokens: Sequence[str]) -> None:
        """Refuse a question of too many or few tokens, with one that is asked rightly.

        Raises:
            InputError: it is one.
        """
        task = self.task
        if len(tokens) != task.context:
            words, form = task.words(0)[0], several(task.context, "token")
            if task.kind == "facts":
                words, form = words[::-1], "SUBJECT RELATION"
            asked = several(len(tokens), "token")
            raise InputError(f"{self.path}: expected {form}, such as {shlex.join(words)}, got {asked}")

    def ask(self, tokens: Sequence[str]) -> Answer:
        """Ask for the answer to one sequence.

        Args:
            tokens: S words; for facts the subject and then the relation, as one would ask.

        Returns:
            The answer and its margin.

        Raises:
            InputError: a token that is not in the vocabulary, or too many or few.
        """
        facts = self.task.kind == "facts"
        self.check(tokens)
        sequence = encode(self.path, tokens[::-1] if facts else tokens, self.task.vocabulary)
        if len(unread := np.setdiff1d(sequence, self.model.readable)):
            word = self.task.vocabulary[unread[0]]
            raise InputError(f"{self.path}: token {word!r} is only ever an answer; no question holds it")
        logits = next(self.logits(sequence[None]))[1][0]
        second, first = np.argsort(logits)[-2:]
        found = np.flatnonzero((self.task.sequences == sequence).all(axis=1))
        stored = self.task.vocabulary[self.task.answers[found[0]]] if len(found) else None
        margin = float(logits[first]) - float(logits[second])
        answers = None
        if self.distributed:
            answers = self.shares(logits)
        return Answer(tuple(tokens), self.task.vocabulary[first], margin, stored, answers)

    def shares(self, logits: Float[np.ndarray, " N"]) -> dict[str, float]:
        """Return the answers of over 1 % and their probabilities, the likeliest first."""
        shares = softmax(logits.astype(np.float64))
        order = np.argsort(-shares, kind="stable")
        return {self.task.vocabulary[token]: float(shares[token]) for token in order if shares[token] > LEAST}

    @property
    def distributed(self) -> bool:
        """Whether questions may have several answers, whose distribution was stored."""
        return self.result.get("method") == "distribution"

    def logits(self, sequences: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield the model's logits a chunk of rows at a time: see `attncap.models.TokenModel.logits`.

        Raises:
            UnmetError: they are not finite.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            for rows, logits in self.model.logits(sequences):
                if not (np.isfinite(logits) | np.isneginf(self.model.silence)).all():
                    raise UnmetError(f"{self.path}: the weights give logits that are not finite numbers")
                yield rows, logits

    def examine(self, task: Associations) -> Examination:
        """Ask all the questions of a task; what holds an unknown token is answered wrongly.

        Args:
            task: the questions and their answers, in words.

        Returns:
            The counts and the misses.

        Raises:
            InputError: sequences of another length.
        """
        if task.context != self.task.context:
            raise InputError(f"{task.name}: sequences of {task.context} tokens; {self.path} takes {self.task.context}")
        number = {word: index for index, word in enumerate(self.task.vocabulary)}
        words = (word if word in number else spelling(word) for word in task.vocabulary)
        known = np.array([number.get(word, -1) for word in words])
        sequences, answers = known[task.sequences], known[task.answers]
        said, leads = np.full(task.associations, -1), np.full(task.associations, np.nan)
        asked = np.flatnonzero(np.isin(sequences, self.model.readable).all(axis=1))
        for rows, logits in self.logits(sequences[asked]) if len(asked) else ():
            said[asked[rows]] = logits.argmax(axis=1)
            leads[asked[rows]] = np.where(
                answers[asked[rows]] >= 0, measure.margins(logits, answers[asked[rows]]), np.nan
            )
        right = leads > 0
        correct, told = int(right.sum()), leads[~np.isnan(leads)]
        misses = tuple(self._miss(task, row, int(said[row])) for row in np.flatnonzero(~right).tolist())
        smallest = float(told.min()) if len(told) else None
        return Examination(task.associations, correct, correct / task.associations, smallest, misses)

    def _miss(self, task: Associations, row: int, said: int) -> Miss:
        words, expected = task.words(row)
        return Miss(
            words[::-1] if task.kind == "facts" else words, expected, self.task.vocabulary[said] if said >= 0 else None
        )

    def translate(self, task: Associations) -> Associations:
        """Express another task in this vocabulary.

        Raises:
            InputError: a token that is not in the vocabulary, or sequences of another length.
        """
        if task.context != self.task.context:
            raise InputError(f"{task.name}: sequences of {task.context} tokens; {self.path} takes {self.task.context}")
        used = np.unique([*task.sequences.flat, *task.answers])
        number = np.zeros(task.vocabulary_size, dtype=np.int32)
        number[used] = encode(Path(task.name), [task.vocabulary[token] for token in used], self.task.vocabulary)
        return replace(
            task, sequences=number[task.sequences], answers=number[task.answers], vocabulary=self.task.vocabulary
        )


@checked
def encode(path: Path, tokens: Sequence[str], vocabulary: Sequence[str]) -> np.ndarray:
    """Return the numbers of tokens.

    Raises:
        InputError: names the token that is not in the vocabulary, and the nearest one.
    """
    number = {word: index for index, word in enumerate(vocabulary)}
    # Vocabularies of 0.1.0 may hold another spelling.
    tokens = [token if token in number else spelling(token) for token in tokens]
    for token in tokens:
        if token not in number:
            raise InputError(f"{path}: token {token!r} is not in the vocabulary{nearest(token, vocabulary)}")
    return np.array([number[token] for token in tokens], dtype=np.int32)


def of(fit: "Found") -> Archive:
    """Return a fit as it would be read after `write`.

    Raises:
        InputError: its model does not answer with tokens.
    """
    if not isinstance(fit.task, Associations) or not isinstance(fit.model, TokenModel):
        raise InputError(f"archive: expected a model that memorized associations, got {type(fit.task).__name__}")
    return Archive(Path(fit.task.name), fit.model.astype(fit.dtype), fit.task, fit.to_dict(), True)


@checked
def write(fit: "Found", path: str | Path, *, force: bool = False) -> Path:
    """Write a fit to a directory, whole or not at all.

    Args:
        fit: its model, of several the one that recalls most, is written in ``fit.dtype``.
        path: the directory: model.safetensors, vocabulary.json, task.parquet, result.json, SHA256SUMS.
        force: replace a directory that holds nothing but what an earlier run wrote.

    Returns:
        The directory.

    Raises:
        InputError: it exists and must not be replaced, or the model does not answer with tokens.
    """
    path = Path(path)
    memory = of(fit)
    with replacing(path, force=force, directory=True) as temporary:
        write_files(temporary, memory.model, memory.task, memory.result, {"seed": fit.seed, "method": fit.method})
    return path


def write_files(
    directory: Path, model: TokenModel, task: Associations, result: dict[str, Any], header: Mapping[str, Any]
) -> None:
    """Write the files of a memory into a directory that is there: see `write`."""
    model.save(directory, header)
    write_json(directory / VOCABULARY, task.vocabulary)
    write_task(task, directory / TASK)
    write_json(directory / RESULT, result)


@checked
def read(path: str | Path) -> Archive:
    """Read a directory of `write`, checking that its parts belong together.

    Args:
        path: the directory.

    Returns:
        The archive.

    Raises:
        InputError: names the file that is missing or does not fit, what was expected and what was got.
    """
    path = Path(path)
    restore(path)
    if not path.is_dir():
        raise InputError(f"{path}: no such directory; expected one that attncap memorize wrote")
    checked = sums.check(path)
    model = models.load(path)
    if not isinstance(model, models.TokenModel):
        raise InputError(f"{path}: holds an attention layer; expected a transformer over tokens")
    vocabulary = read_json(path / VOCABULARY)
    if not isinstance(vocabulary, list) or not all(isinstance(word, str) for word in vocabulary):
        raise InputError(f"{path / VOCABULARY}: expected a list of strings")
    if len(vocabulary) != model.vocabulary_size:
        raise InputError(f"{path / VOCABULARY}: {len(vocabulary)} tokens; the weights have {model.vocabulary_size}")
    task = read_task(path / TASK, vocabulary)
    if task.context != model.context:
        raise InputError(f"{path / TASK}: sequences of {task.context} tokens; the weights take {model.context}")
    result = read_json(path / RESULT)
    if not isinstance(result, dict):
        raise InputError(f"{path / RESULT}: expected an object")
    header = {name: value for name, value in read_header(path / models.FILE).items() if name in ("method", "seed")}
    return Archive(path, model, task, result, checked, header)


def write_json(path: Path, value: Any) -> None:
    """Write JSON as text that a person can read."""
    path.write_text(json.dumps(value, ensure_ascii=False, allow_nan=False, indent=1), encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read JSON.

    Raises:
        InputError: the file is not there, or not JSON.
    """
    try:
        return parse_json(str(path), path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot read ({error.strerror})") from None


__all__ = ["Answer", "Archive", "Examination", "Miss", "encode", "read", "write"]


def __dir__() -> list[str]:
    """Return what completion offers: nothing that is imported here."""
    return __all__
