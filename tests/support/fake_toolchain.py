"""Compilers, linkers and rustup folders that answer as real ones do, made of shell scripts; each notes that it ran."""

from __future__ import annotations

from pathlib import Path

HOST = "x86_64-unknown-linux-gnu"


class FakeMachine:
    """A machine in FOLDER: a home, a folder on PATH (`bin`), a system folder, a project; all empty."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home, self.bin, self.system, self.root = (folder / name for name in ("home", "bin", "system", "project"))
        for path in (self.home, self.bin, self.system, self.root):
            path.mkdir(parents=True)
        self.log = folder / "started"
        self.environ = {"HOME": str(self.home), "PATH": f"{self.bin}"}

    def started(self) -> list[str]:
        """The names of the programs that ran since the last call."""
        lines = self.log.read_text().split() if self.log.exists() else []
        self.log.write_text("")
        return lines

    def program(self, path: Path, script: str) -> Path:
        """An executable shell script at PATH."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\necho {path.name} >> {self.log}\n{script}\n")
        path.chmod(0o755)
        return path

    def compiler(self, prefix: Path, release: str = "1.96.0", llvm: str = "22.1.8", lacks: str = "") -> Path:
        """A compiler in PREFIX/bin with everything beside it but what LACKS names: `src`, `lld`, `cargo`."""
        if "src" not in lacks:
            source = prefix / "lib/rustlib/src/rust/library/core/src/lib.rs"
            source.parent.mkdir(parents=True)
            source.touch()
        if "lld" not in lacks:
            self.linker(prefix / f"lib/rustlib/{HOST}/bin/rust-lld", llvm)
        if "cargo" not in lacks:
            self.program(prefix / "bin/cargo", f"echo 'cargo {release} (abc 2026-01-01)'")
        return self.program(
            prefix / "bin/rustc",
            f"""case "$*" in
-vV) printf 'rustc {release}\\ncommit-hash: abc\\nhost: {HOST}\\nrelease: {release}\\nLLVM version: {llvm}\\n' ;;
'--print sysroot') echo {prefix} ;;
esac""",
        )

    def linker(self, path: Path, version: str) -> Path:
        """An lld at PATH."""
        return self.program(path, f"echo 'LLD {version} (compatible with GNU linkers)'")

    def toolchain(self, name: str, release: str = "1.96.0", lacks: str = "") -> Path:
        """A toolchain that rustup has installed as NAME; returns its compiler."""
        return self.compiler(self.home / ".rustup/toolchains" / name, release, lacks=lacks)

    def proxy(self, default: str | None = None, hard: bool = False) -> Path:
        """rustup on PATH, and `rustc` as a link to it; DEFAULT is its default toolchain."""
        rustup = self.program(self.bin / "rustup", "exit 1")
        proxy = self.bin / "rustc"
        if hard:
            proxy.hardlink_to(rustup)
        else:
            proxy.symlink_to("rustup")
        if default is not None:
            (self.home / ".rustup").mkdir(exist_ok=True)
            (self.home / ".rustup/settings.toml").write_text(f'default_toolchain = "{default}"\n')
        return proxy
