"""Whether a signal asked this process to end: SCons hears of it in the main thread, steps run in others."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable


def watch_signals() -> Callable[[], bool]:
    """A question that any thread may ask: did a signal with a handler come since now?

    Outside the main thread, which alone may prepare for signals, the answer is always no.
    """
    if threading.current_thread() is not threading.main_thread():
        return lambda: False
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    seen: list[bytes] = []

    def came() -> bool:
        if not seen:
            try:
                seen.append(os.read(reader, 1))
            except BlockingIOError:
                return False
        return True

    return came
