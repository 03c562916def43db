"""The disk: layout first, then bytes, one format a file; binds the loader's stages to one kernel."""
