"""The step that makes a disk of a flat image: zeros behind it, up to a size that firmware starts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..boot.layout import MIN_DISK_SIZE, SECTOR_SIZE
from ..errors import StepError
from .size import shown


def run(argv: Sequence[str], out: Path) -> None:
    """Write the disk; ARGV is (output, size in bytes or "", flat image).

    Raises:
        StepError: the image does not fit into the size.
    """
    output, size, flat = argv
    name, content = Path(output).name, Path(flat).read_bytes()
    needed = -(-len(content) // SECTOR_SIZE) * SECTOR_SIZE
    total = int(size) if size else max(needed, MIN_DISK_SIZE)
    if needed > total:
        raise StepError(
            f"{name}: the kernel does not fit: with the crate's loader the image needs {shown(needed)}, size= of "
            f'env.DiskImage gives {shown(total)}. Give it "size={needed}" or more, or leave size= out.'
        )
    with (out / name).open("wb") as image:
        image.write(content)
        image.truncate(total)  # what nobody wrote is a hole, and reads as zeros
