"""The one kind of error that reaches the user as an event: what happened, and the way out."""

from __future__ import annotations

import errno

#: ``errno`` values that mean that a file cannot grow: disk, quota or size limit.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
#: Windows' own number for a full disk.
WINDOWS_FULL = 112


#: The way out where the error itself names none.
DETAILS = "the message or stderr.log of the run has the details"


class TrainError(Exception):
    """A failure with a stable ``kind``, a sentence that names the file, and a ``hint``.

    ``kind`` is in lower case with hyphens (``disk-full``, ``recipe``, ``run-locked``); readers
    branch on it. ``str(error)`` is the message.
    """

    def __init__(self, kind: str, message: str, hint: str = "") -> None:
        """Keeps the three parts."""
        super().__init__(message)
        self.kind, self.message, self.hint = kind, message, hint

    def __str__(self) -> str:
        """The message, also where a library put other arguments into the exception."""
        return self.message


class StopTraining(BaseException):
    """Raised inside a long step when the run was asked to stop; the step's work is given up.

    Like ``KeyboardInterrupt`` it is no ``Exception``: libraries wrap those that pass through them.
    """


def is_disk_full(error: BaseException) -> bool:
    """Whether an error of writing means that there is no room.

    safetensors reports the operating system's number only inside its message.
    """
    if isinstance(error, OSError) and error.errno in FULL:
        return True
    return any(f"os error {number}" in str(error) for number in (*FULL, WINDOWS_FULL))


def describe(error: BaseException) -> tuple[str, str, str]:
    """The kind, message and hint of any error, for the ``error`` event."""
    if isinstance(error, TrainError):
        return error.kind, str(error), error.hint or DETAILS
    if is_disk_full(error):
        return "disk-full", f"no room left to write: {error}", "free some space, then resume"
    if isinstance(error, MemoryError):
        return "memory", "there is not enough memory", "choose a smaller batch or a smaller preset"
    name = type(error).__name__
    kind = "".join(f"-{c.lower()}" if c.isupper() else c for c in name).lstrip("-")
    hint = getattr(error, "hint", "") or DETAILS
    return getattr(error, "kind", None) or kind, str(error) or name, hint
