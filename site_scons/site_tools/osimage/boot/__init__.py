"""The loader's stages, built once per target, and the checks on a kernel ELF."""
