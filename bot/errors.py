"""The error tree.

PortalError
+-- SettingsError          a setting is missing or wrong: says which, at start
+-- BadRequest             a request we cannot read: 400, 413
|   `-- Unauthorized       not signed, wrong token: 401, 403
+-- RegisterError          the register of models cannot be changed like this (`bot.models`)
+-- NoticeError            a notice that cannot be said (`bot.notices`)
+-- DeliveryError          a form was not delivered; its kinds are in `bot.channels.outlet`
+-- StoreError             the database did not answer (retry helps)
`-- EngineError            no answer from the dialogue engine
    +-- EngineNotReady     still loading, or no model (retry helps)
    +-- EngineTimeout      no answer within the deadline (retry helps)
    `-- ModelMissing       there is no usable model: says what to do
"""

from __future__ import annotations


class PortalError(Exception):
    """Base of our errors. `retry_helps` says whether the same thing may work a moment later.

    `what` is wrong and `todo` is what to do about it, a line each.
    """

    retry_helps = False

    def __init__(self, what: str, todo: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.todo = todo


class SettingsError(PortalError):
    """A setting is missing or wrong."""


class BadRequest(PortalError):
    """A request that cannot be read; `status` is the HTTP status, `code` a word for programs."""

    def __init__(self, what: str, *, status: int = 400, code: str = "bad_request") -> None:
        super().__init__(what)
        self.status = status
        self.code = code


class Unauthorized(BadRequest):
    """Not signed, or with a wrong token."""

    def __init__(self, what: str, *, status: int = 401) -> None:
        super().__init__(what, status=status, code="unauthorized")


class StoreError(PortalError):
    """The database did not answer."""

    retry_helps = True


class EngineError(PortalError):
    """The dialogue engine gave no answer."""

    retry_helps = True


class EngineNotReady(EngineError):
    """The engine is still loading, or has no model."""


class EngineTimeout(EngineError):
    """The engine did not answer within the deadline."""


class ModelMissing(EngineError):
    """There is no model, or none that can be used."""

    retry_helps = False
