"""The family of refusals. A class's docstring is the message a person reads, as a message id of the catalogue.

What must not live here: HTTP. `trace.app` maps a family member to its status, once.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class TemThatError(Exception):
    """Something went wrong on our side. Nothing was saved."""

    status = 500

    def __init__(self, **facts: object) -> None:
        super().__init__(type(self).message_id())
        self.facts: Mapping[str, object] = facts

    @classmethod
    def message_id(cls) -> str:
        """The text looked up in the catalogue: the first paragraph of the docstring, on one line."""
        return " ".join(inspect.cleandoc(cls.__doc__ or "").split("\n\n")[0].split())

    @classmethod
    def way_out_id(cls) -> str | None:
        """What the person can do about it: the second paragraph, if there is one."""
        paragraphs = inspect.cleandoc(cls.__doc__ or "").split("\n\n")
        return " ".join(paragraphs[1].split()) if len(paragraphs) > 1 else None


class NotFound(TemThatError):
    """This page or record does not exist, or is not open to you.

    Check the address, or go back to the list.
    """

    status = 404


class SignInNeeded(TemThatError):
    """Sign in to go on."""

    status = 401


class Forbidden(TemThatError):
    """Your role does not allow this.

    Ask the administrator of your organisation if you need it for your work.
    """

    status = 403


class Invalid(TemThatError):
    """Some of what was sent cannot be accepted."""

    status = 422


class Conflict(TemThatError):
    """The record has changed in the meantime, so this was not done.

    Load the page again and look at what changed.
    """

    status = 409


class TooLarge(TemThatError):
    """What was sent is too large."""

    status = 413


class TooMany(TemThatError):
    """Too many tries in a short time.

    Wait a few minutes and try again.
    """

    status = 429


class Unavailable(TemThatError):
    """The register cannot be reached at the moment. This says nothing about the goods.

    Try again in a minute.
    """

    status = 503


class Refused(Invalid):
    """This cannot be done, for the reasons below."""

    def __init__(self, reasons: Iterable[TemThatError]) -> None:
        super().__init__()
        self.reasons = tuple(reasons)


class KeyReused(Invalid):
    """The same form was sent before with other content.

    Open the form anew and send it once.
    """


def broken_constraint(exc: BaseException) -> str | None:
    """The name of the database constraint behind an IntegrityError, or None."""
    diag = getattr(getattr(exc, "orig", None), "diag", None)
    return getattr(diag, "constraint_name", None)


def told_detail(exc: BaseException) -> str | None:
    """The detail that the database gave with an IntegrityError, or None."""
    diag = getattr(getattr(exc, "orig", None), "diag", None)
    return getattr(diag, "message_detail", None)
