"""The names below a build folder that are ours."""

STATE = ".osimage"  # records, the plan, the lock, scratch
