"""What can go wrong, as a person should read it: one sentence and an exit code."""

from __future__ import annotations


class TagFinderError(Exception):
    """Base of the errors that are shown as one sentence instead of a traceback.

    Attributes:
        exit_code: exit code of the command line, 1 where the work failed.
    """

    exit_code = 1


class WorkError(TagFinderError):
    """The request was right but the work failed (training diverged, the network is away)."""


class InputError(TagFinderError):
    """The request was wrong: the sentence names the key, file, line or column and what to try."""

    exit_code = 2
