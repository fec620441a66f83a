"""Bits per what: per parameter in use, per degree of freedom, per number that holds data, per stored bit."""

from attncap import measure
from attncap.constraints import checked
from attncap.models import AttentionOnlyTransformer, TokenModel
from attncap.models.precision import StoredName
from attncap.tasks import Associations

# A fit counts degrees of freedom where that takes about a second: their Jacobian's entries, times parameters.
AFFORDABLE = 5e9


@checked
def bits_per(
    bits: float, model: TokenModel, task: Associations, dtype: StoredName, method: str
) -> dict[str, float | None]:
    r"""Divide bits by what a model consists of.

    Args:
        bits: what it memorized.
        model: who.
        task: what.
        dtype: the type that its weights are stored in.
        method: how they were found: what it draws from a seed is no data.

    Returns:
        Bits per parameter "in_use" (`attncap.measure.parameters_in_use`), per "degree_of_freedom"
        (`attncap.measure.degrees_of_freedom`; None where counting would take long), per "data_parameter" and per
        "stored_bit".
    """
    used = measure.parameters_in_use(model, task)
    degrees = None
    if isinstance(model, AttentionOnlyTransformer) and measure.jacobian_entries(model, task) * used <= AFFORDABLE:
        degrees = measure.degrees_of_freedom(model, task)
    return {
        "in_use": bits / used,
        "degree_of_freedom": bits / degrees if degrees else None,
        "data_parameter": bits / data_parameters(model, task, method),
        "stored_bit": bits / (8 * model.astype(dtype).bytes),
    }


@checked
def data_parameters(model: TokenModel, task: Associations, method: str) -> int:
    r"""Return how many numbers depend on the data; what is drawn from a seed costs nothing.

    Theorem mode solves for $d (H d_h + d)$ numbers, output matrices and the gauge of the skip; margin mode finds
    $d (H d_h + n)$, output matrices and the rows of $n$ answers. Other methods train every parameter in use.

    Args:
        model: whose numbers.
        task: what they hold.
        method: how they were found.
    """
    columns = {
        "theorem": model.embedding_dim,
        "distribution": model.vocabulary_size,
        "margin": len(measure.answers_in_use(task)),
    }
    if method not in columns:
        return measure.parameters_in_use(model, task)
    return model.embedding_dim * (model.heads * model.head_dim + columns[method])
