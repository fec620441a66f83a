"""One attention layer that maps every example to its label."""
