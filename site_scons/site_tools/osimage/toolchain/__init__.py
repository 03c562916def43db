"""The compiler, linker, cargo and QEMU of this machine, and their identity; the standard library only."""
