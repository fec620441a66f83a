"""Every failure of the command line as one line and an exit code; never a traceback unless it is asked for."""

import errno
import io
import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import typer

from attncap.errors import InputError, UnmetError

UNMET, BAD_INPUT, INTERRUPTED = 1, 2, 130
BROKEN_PIPE = 128 + signal.SIGPIPE
TRACEBACK = "ATTNCAP_TRACEBACK"
# An unknown option, a missing argument: Typer has no public name for the base of these.
USAGE: Any = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")
# What NumPy says of sizes that no array can have.
TOO_LARGE = ("array is too big", "Maximum allowed dimension exceeded", "maximum supported dimension")
STDOUT = "stdout"
NOTHING = "nothing was written"
# What a text was read as and is not, by pydantic's names for it.
READ = {
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a smaller whole number",
    "float_parsing": "a number",
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
}


class Terminated(KeyboardInterrupt):
    """The system asked the process to end."""

    number = signal.SIGTERM


class HungUp(Terminated):
    """Its terminal was closed."""

    number = signal.SIGHUP


ENDS = {kind.number: kind for kind in (Terminated, HungUp)}


def explain(error: BaseException, flags: Mapping[str, str]) -> tuple[str, int]:
    """Return the line that says what failed, and the exit code: 1 could not be met, 2 bad input.

    Args:
        error: what was raised.
        flags: what the options are called on the terminal.

    Example:
        >>> explain(InputError("heads", "at least 1", 0), {"heads": "--heads"})
        ('--heads: expected at least 1, got 0', 2)
        >>> explain(KeyError("x"), {})
        ("internal error: KeyError: 'x' (set ATTNCAP_TRACEBACK=1 for the traceback)", 1)
    """
    if isinstance(error, InputError):
        flag = flags.get(error.option or "")
        return error.naming(flag) if flag else str(error), BAD_INPUT
    if isinstance(error, UnmetError):
        return str(error), UNMET
    if isinstance(error, USAGE):
        return usage(error), BAD_INPUT
    if isinstance(error, Terminated):
        return f"terminated; {str(error) or NOTHING}", 128 + error.number
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return f"interrupted; {str(error) or NOTHING}", INTERRUPTED
    if isinstance(error, MemoryError) or (isinstance(error, ValueError) and str(error).startswith(TOO_LARGE)):
        from attncap.numerics.memory import available

        said = f"{error}; " if str(error) else ""
        return f"not enough memory ({said}{available() / 1e9:.1f} GB are free); choose smaller numbers", UNMET
    if isinstance(error, OSError) and error.filename == STDOUT:
        # A reader who has read enough needs no message.
        broken = error.errno == errno.EPIPE
        return "" if broken else f"stdout: cannot write ({error.strerror})", BROKEN_PIPE if broken else UNMET
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename is not None else ""
        return f"{where}{error.strerror}", BAD_INPUT if where else UNMET
    if isinstance(error, OverflowError):
        return f"a number is too large ({error})", BAD_INPUT
    return f"internal error: {type(error).__name__}: {error} (set {TRACEBACK}=1 for the traceback)", UNMET


def usage(error: Any) -> str:
    """Say what is wrong with an option: in our words where Typer quotes the library that reads its numbers."""
    reasons: list[Any] = getattr(error.__cause__, "errors", list)()
    if not reasons or reasons[0]["type"] not in READ:
        message: str = error.format_message()
        word = getattr(error, "option_name", "") or ""
        dashed = message.startswith("No such option") and not word.startswith("--")
        return f"{message}; a word that begins with a dash comes after --" if dashed else message
    expected = READ[reasons[0]["type"]].format(**reasons[0].get("ctx", {}))
    return InputError("option", expected, reasons[0]["input"]).naming(error.param.opts[0])


def tell(error: BaseException) -> None:
    """Print the traceback of an error if it was asked for."""
    if os.environ.get(TRACEBACK, "") not in ("", "0"):
        traceback.print_exception(error)


@contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block as Ctrl-C does, so that nothing half-written stays."""

    def end(number: int, frame: Any) -> None:
        raise ENDS[signal.Signals(number)]

    # Signals are the main thread's.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # nohup has hang-ups ignored, which stays so.
    caught = [number for number in ENDS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, end) for number in caught}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def warned() -> Iterator[None]:
    """Say every warning to the user in one line on stderr."""
    from attncap.characters import visible

    def say(message: Any, *rest: Any, **more: Any) -> None:
        print(f"attncap: warning: {visible(' '.join(str(message).split()))}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = say
        yield


class _Output(io.FileIO):
    """A descriptor whose errors say that they are the output's."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError as error:
            raise OSError(error.errno, error.strerror, STDOUT) from None


def open_streams() -> None:
    """Give output a place where the caller closed it, spell what its encoding lacks, and name it in its errors."""
    from attncap.characters import SPELT

    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 (as long as the process)
    out = sys.stdout
    if isinstance(out, io.TextIOWrapper) and out.errors in ("strict", "surrogateescape"):
        out.reconfigure(errors=SPELT)
    if out is sys.__stdout__ and isinstance(out, io.TextIOWrapper):
        buffer = io.BufferedWriter(_Output(out.fileno(), "w", closefd=False))
        # Kept in sys.__stdout__ too, so that what was there does not close the descriptor.
        sys.stdout = io.TextIOWrapper(buffer, out.encoding, SPELT, line_buffering=out.line_buffering)


def flushed() -> OSError | None:
    """Write out what was printed; return what keeps it from its reader."""
    try:
        sys.stdout.flush()
    except OSError as error:
        # Python would try again when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return error
    return None
