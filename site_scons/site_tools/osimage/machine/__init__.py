"""QEMU: command line, session, screen, verdict."""
