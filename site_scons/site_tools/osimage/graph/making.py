"""Pipelined compilation, as cargo does it: a crate's metadata is handed out while rustc goes on to its code.

The crate itself is recorded and stored when rustc has ended well. What was compiled with its metadata need not wait for
that: it is the result of that content, whatever becomes of the crate.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from ..action import Action, metadata_of, output_files
from ..errors import StepError
from .build_folder import clear_way
from .engine import Engine
from .pipeline import Work
from .products import sha256
from .record import Output, Stat
from .way import obstacle


class Making(Work):
    """The making of ACTION: its URGENCY is how many others wait; whether it IS_AWAITED for its metadata alone."""

    def __init__(
        self, engine: Engine, action: Action, urgency: Callable[[], int] = int, is_awaited: Callable[[], bool] = bool
    ) -> None:
        super().__init__()
        self.urgency = urgency
        self.handed_out: dict[str, str] = {}  # the metadata's path and SHA-256 (hex), once it lies in its place
        self._engine = engine
        self._action = action
        self._is_awaited = is_awaited

    def hear(self, line: bytes, scratch: Path) -> None:
        """Hand out the metadata where the program says in LINE that it is in its folder, SCRATCH.

        The metadata that is handed out is a copy, since rustc reads its own again. An older rlib beside it would be
        that of another crate to rustc.
        """
        path = metadata_of(self._action)
        engine = self._engine
        if path is None or not _says_metadata(line) or not self._is_awaited() or obstacle(path, engine.records.outputs):
            return
        try:
            clear_way(engine.build, path)
            copy = scratch / f"early.{Path(path).name}"
            shutil.copyfile(scratch / Path(path).name, copy)
            digest = sha256(copy)
            for other in output_files(self._action):
                Path(other).unlink(missing_ok=True)
            copy.replace(path)
        except OSError:
            return  # the end of the step meets it again, and says it
        stat = Stat.of(path)
        if stat is None:
            return
        self.handed_out = {path: digest}
        engine.today.made({path: Output(digest, False, stat)})
        self.moved.set()

    def check(self, digests: Mapping[str, str]) -> None:
        """Make sure that what was handed out is among DIGESTS, those of the outputs in the end.

        Raises:
            StepError: it was changed afterwards.
        """
        for path, digest in self.handed_out.items():
            if digests[path] != digest:
                label, program = self._action.label, self._action.argv[0]
                raise StepError(f"{label}: {program} has changed {path} after it said that it was written")


def _says_metadata(line: bytes) -> bool:
    """Whether rustc says in LINE, under `--json=artifacts`, that its metadata is written."""
    return line.startswith(b'{"$message_type":"artifact"') and json.loads(line)["emit"] == "metadata"
