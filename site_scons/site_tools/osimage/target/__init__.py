"""Target specs: generated from the compiler in use, migrated from older files, checked before anything compiles."""
