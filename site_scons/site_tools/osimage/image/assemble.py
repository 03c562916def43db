"""The step that writes a disk image: binds the loader's stages to one kernel and puts everything in its sectors."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from ..boot.handover import Bootloader09, from_text
from ..boot.layout import SECTOR_SIZE, bind_stage1, bind_stage2, stage2_on_disk
from .mbr import NON_FILESYSTEM, Partition, master_boot_record
from .sectors import Sectors, lay_out


def run(argv: Sequence[str], out: Path) -> None:
    """Write the image; ARGV is (output, size in bytes or "", kernel's handover, stripped kernel, stage 1, stage 2).

    Raises:
        StepError: the parts do not fit into the image, or are not this layout's.
    """
    output, size, expected, kernel, stage1, stage2 = argv
    code = stage2_on_disk(Path(stage2).read_bytes())
    content = Path(kernel).read_bytes()
    sectors = lay_out(Path(output).name, len(code), len(content), int(size) if size else None)
    beginning = _beginning(Path(stage1).read_bytes(), code, content, sectors, from_text(expected))
    with (out / Path(output).name).open("wb") as image:
        image.write(beginning)
        image.seek(sectors.kernel * SECTOR_SIZE)
        image.write(content)
        image.truncate(sectors.total * SECTOR_SIZE)  # what nobody wrote is a hole, and reads as zeros


def _beginning(stage1: bytes, stage2: bytes, kernel: bytes, sectors: Sectors, handover: Bootloader09 | None) -> bytes:
    """The master boot record and stage 2, bound to KERNEL, which expects HANDOVER, and to each other."""
    digest = hashlib.sha256(kernel).digest()
    bound = bind_stage2(stage2, stage2_sector=sectors.stage2, kernel_sector=sectors.kernel, kernel_size=len(kernel),
                        kernel_sha256=digest, handover=handover)  # fmt: skip
    code = bind_stage1(stage1, bound, sectors.stage2)
    signature = int.from_bytes(hashlib.sha256(code + bound).digest()[:4], "little") or 1  # 0 would say: none
    partition = Partition(sectors.kernel, sectors.kernel_count, NON_FILESYSTEM, active=True)
    return master_boot_record(code, signature, [partition]) + bound
