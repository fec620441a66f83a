"""Run the command line: ``python -m attncap``."""

from attncap.cli import main

main()
