"""Every command as a plain function: the terminal, sweeps, papers and pages call the same one."""

__all__: list[str] = []
