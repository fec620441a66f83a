"""Every command as a plain function: the terminal, sweeps, papers and pages call the same one."""
