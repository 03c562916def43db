"""What is advised about kernels that cannot be loaded, word for word: hand-made and linked ones are told the same."""

from __future__ import annotations

FIXED = (
    'In the target spec "position-independent-executables" and "static-position-independent-executables" must be '
    "false; "
    'without a spec of your own, add the rustflag "-Crelocation-model=static". No linker argument may be "-pie" or '
    '"-shared".'
)
ENTRY = (
    'Define `#[unsafe(no_mangle)] pub extern "C" fn _start() -> !` in the kernel, or name its function with the linker '
    'argument "--entry=NAME".'
)
OWN_PAGE = (
    'In the linker script put ". = ALIGN(0x1000);" between them, and leave out the linker arguments "--nmagic" (-n), '
    '"--omagic" (-N) and any "-z max-page-size" below 0x1000.'
)
