"""core, compiler_builtins and alloc compiled for one target by rustc alone: no cargo, no network."""
