"""``attncap sweep``: a grid of runs into a store; its status; its table."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from attncap.cli._shared import Force, Json, answer, within, work


class _RunByDefault(TyperGroup):
    """Reads ``sweep SPEC.toml ...`` as ``sweep run SPEC.toml ...``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["run", *args]
        return super().parse_args(ctx, args or ["--help"])


HELP = "Run a grid of runs into a store: sweep SPEC.toml --out DIR; then sweep status DIR, sweep export DIR."
app = typer.Typer(cls=_RunByDefault, help=HELP)
Directory = Annotated[Path, typer.Argument(metavar="DIR", help="Directory of the sweep.")]


@app.command()
def run(
    spec: Annotated[Path, typer.Argument(metavar="SPEC.toml", help="The grid.")],
    out: Annotated[Path, typer.Option(help="Directory of the store; the same one continues where it stopped.")],
    workers: Annotated[int | None, typer.Option(help="Local worker processes.", callback=within("workers"))] = None,
    cluster: Annotated[str | None, typer.Option(help="Address of a Dask scheduler.")] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Run the failed cells again.")] = False,
    reuse: Annotated[
        bool, typer.Option("--reuse", help="Take results that other code gave for the same cells.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run the cells of a grid that the store does not hold yet (the word run can be left out)."""
    import os
    import sys

    from attncap.result import several
    from attncap.sweep import driver, load, status
    from attncap.sweep.store import FILE
    from attncap.sweep.worker import platform_of

    # As with python -m: package.module:function may be a file beside the user.
    sys.path.insert(0, os.getcwd())
    grid = load(spec)
    os.environ["JAX_PLATFORMS"] = platform_of(grid.device)
    try:
        with work(as_json):
            sweep = driver.run(grid, out, workers=workers, cluster=cluster, retry_failed=retry_failed, reuse=reuse)
    except KeyboardInterrupt:
        if not (out / FILE).exists():
            raise
        stopped = status(out)
        answer(stopped, as_json)
        typer.echo(
            f"attncap: stopped with {several(stopped.pending, 'cell')} to run; run the same to continue", err=True
        )
        sys.exit(130)
    answer(sweep, as_json)
    if sweep.failed:
        typer.echo(
            f"attncap: {sweep.failed} of {several(sweep.cells, 'cell')} failed: attncap sweep status {out}", err=True
        )
        raise typer.Exit(1)


@app.command("status")
def show_status(directory: Directory, as_json: Json = False) -> None:
    """Show progress, failures and the remaining time; a driver may be at work."""
    from attncap.sweep import status

    answer(status(directory), as_json)


@app.command("export")
def write_table(
    directory: Directory,
    out: Annotated[Path, typer.Option(help="A .parquet or .csv file.")],
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Write the options and results, one row a cell."""
    from attncap.sweep import export

    answer({"path": str(out), "rows": export(directory, out, force=force)}, as_json, str(out))
