"""Actions as SCons nodes: what is up to date, running a step, records, the lock, the stored plan."""
