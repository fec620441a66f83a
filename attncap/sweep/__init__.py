"""Grids of runs into a SQLite store that loses nothing, on one machine or many."""

from attncap.commands.command import Command
from attncap.sweep.commands import COMMANDS, register
from attncap.sweep.driver import Sweep, run
from attncap.sweep.grid import Grid, load
from attncap.sweep.results import Failure, Status, export, status, table

__all__ = [
    "COMMANDS",
    "Command",
    "Failure",
    "Grid",
    "Status",
    "Sweep",
    "export",
    "load",
    "register",
    "run",
    "status",
    "table",
]
