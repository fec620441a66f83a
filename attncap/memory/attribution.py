r"""Which part of a model writes a fact: the shares of its margin."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attncap.archive import Archive, encode
from attncap.characters import visible
from attncap.constraints import checked
from attncap.errors import InputError
from attncap.result import Result

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True)
class Share(Result):
    """What one part adds to a margin.

    Attributes:
        part: "skip", "head 1", ...; of several layers "layer 1 head 1", "layer 1 perceptron".
        share: in logits.
    """

    part: str
    share: float


@dataclass(frozen=True)
class Explained(Result):
    """A margin, part by part.

    Attributes:
        query: the tokens asked, as given.
        answer: what was memorized; what the weights say if nothing was.
        rival: the other token with the largest logit.
        margin: of the answer over the rival, in logits: the sum of the shares.
        shares: of every part, in the order of the forward pass.
    """

    query: tuple[str, ...]
    answer: str
    rival: str
    margin: float
    shares: tuple[Share, ...]

    def __rich__(self) -> "RenderableType":
        from rich.console import Group

        from attncap.terminal import Rows

        head = f"{visible(self.answer)} leads {visible(self.rival)} by {self.margin:.4g} logits"
        table = Rows("part", "share", "of the margin")
        for each in self.shares:
            table.add_row(each.part, f"{each.share:+.4g}", f"{each.share / self.margin:.1%}" if self.margin else "")
        return Group(head, "", table)


@checked
def explain(memory: Archive, words: Any) -> Explained:
    r"""Attribute the margin of a fact to the parts of the model that write into the residual stream.

    $$\ell_y - \ell_r = (u_y - u_r) \cdot x_S + \sum_h (u_y - u_r) \cdot W_O^h v^h,$$

    exact, since without normalization the logits are linear in what each part adds; of several layers these are the
    direct effects.

    Args:
        memory: what `attncap.archive.read` returns.
        words: SUBJECT and RELATION, for other tasks the tokens of a sequence.

    Returns:
        The margin and the share of every part.

    Raises:
        InputError: a token that is not in the vocabulary, or too many or few.

    Example:
        >>> import tempfile
        >>> import attncap as ac
        >>> task = ac.tasks.facts({"country": ["Peru", "Fiji"], "capital": ["Lima", "Nadi"]})
        >>> path = ac.construct.theorem(task, embedding_dim=8).save(tempfile.mkdtemp() + "/atlas")
        >>> found = explain(ac.archive.read(path), ["Fiji", "capital"])
        >>> found.answer, [each.part for each in found.shares]
        ('Nadi', ['skip', 'head 1'])
        >>> bool(abs(sum(each.share for each in found.shares) - found.margin) < 1e-9)
        True

    Source: nostalgebraist 2020, "interpreting GPT: the logit lens"; Elhage et al. 2021, "A Mathematical Framework for
    Transformer Circuits".
    """
    task, facts = memory.task, memory.task.kind == "facts"
    if not isinstance(words, list | tuple) or not all(isinstance(word, str) for word in words):
        raise InputError("words", "a list of tokens", words)
    memory.check(words)
    sequence = encode(memory.path, words[::-1] if facts else words, task.vocabulary)
    model = memory.model.astype("float64")
    parts = {name: vectors[0] for name, vectors in model.parts_of(sequence[None]).items()}
    logits = sum(parts.values()) @ model.unembedding.T + model.silence
    stored = np.flatnonzero((task.sequences == sequence).all(axis=1))
    answer = int(task.answers[stored[0]]) if len(stored) else int(logits.argmax())
    rival = int(np.where(np.arange(len(logits)) == answer, -np.inf, logits).argmax())
    lead = model.unembedding[answer] - model.unembedding[rival]
    shares = tuple(Share(name, float(lead @ vector)) for name, vector in parts.items())
    margin = float(sum(each.share for each in shares))
    return Explained(tuple(words), task.vocabulary[answer], task.vocabulary[rival], margin, shares)
