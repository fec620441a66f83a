"""What memorizing distributions returns."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attncap.construct.distributions.encoder import Encoder
from attncap.fits.fit import Fit
from attncap.result import several

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True, kw_only=True)
class DistributionFit(Fit):
    r"""A model that memorized distributions, beside the encoder that bounds it and the theory's bounds.

    Attributes:
        encoder: the best rank-$d$ encoder found; its ``kl`` cannot be beaten by this $d$ if it is the optimum.
        kl: $\sum_t w_t \mathrm{KL}(\pi_t \| p_t)$ in nats, the weights rounded to each type.
        excess: ``kl`` less the encoder's, in nats.
        stored: the number $T_\varepsilon$ of most likely sequences whose encoding is exact.
        epsilon: $\varepsilon$, the probability of the others.
        bounds: of the excess in nats: "paper" ($C \varepsilon |W E|_2$, as Theorem 1 states it; its proof gives
            $\sqrt 2$ times that) and "quadratic" ($\sum_t w_t |W \delta E_t|^2 / 4$); and of the encoder's divergence
            itself, "theorem2" and the larger "theorem2_published" (`attncap.construct.lookup_bound`; None where the
            constant is too large for them to hold).
    """

    encoder: Encoder
    kl: dict[str, float]
    excess: dict[str, float]
    stored: int
    epsilon: float
    bounds: dict[str, float | None]

    @property
    def cites(self) -> tuple[str, ...]:
        """The method, and what its encoder rests on."""
        return (self.method, *self.encoder.cites)

    def __rich__(self) -> "RenderableType":
        from rich.console import Group

        from attncap.terminal import Rows

        shape, encoder = self.shape, self.encoder
        head = Rows()
        head.add_row("task", f"{self.task.name}: {several(self.task.associations, 'next-token distribution')}")
        head.add_row("", f"{several(self.task.vocabulary_size, 'token')}, sequences of {self.task.context}")
        for note in self.task.notes:
            head.add_row("", note)
        head.add_row(
            "shape", f"{several(shape.heads, 'head')} of {shape.head_dim}, embedding dimension {shape.embedding_dim}"
        )
        head.add_row("", f"{several(shape.parameters, 'parameter')}")
        # Without epsilon there are no others.
        others = f"; the others have probability {self.epsilon:.3g}" if self.epsilon else ""
        head.add_row("stored", f"{self.stored:,} exactly{others}")
        head.add_row("encoder", f"KL {encoder.kl:.6g} nats (SVD {encoder.kl_svd:.6g}), entropy {encoder.entropy:.6g}")
        if self.epsilon:
            bounds = ", ".join(f"{self.bounds[name]:.3g} ({name})" for name in ("quadratic", "paper"))
            head.add_row("excess at most", bounds)
        head.add_row("method", f"{self.method}, seed {self.seed}, {self.seconds:.1f} s")
        columns = ("weights in", "KL (nats)", "excess (nats)", "most likely token recalled")
        table = Rows(*columns)
        for dtype, recall in self.recall.items():
            table.add_row(dtype, f"{self.kl[dtype]:.6g}", f"{self.excess[dtype]:.2g}", f"{recall.accuracy:.2%}")
        return Group(head, "", table)
