"""The register of models: which one answers customers, which one reads along, and how good they are.

It is a table of the portal's database, so that all processes see the same. A model's `state` is

    trained    there, and nothing else
    live       answers customers
    former     was live before the live one: the way back
    shadow     reads along with real turns without being heard
    canary     answers a share of the conversations

At most one model is in each state but `trained`; the database itself sees to it. Every change is
one transaction, so that a crash leaves the state before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ForeignKey, Index, String, delete, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from bot.database import transaction
from bot.errors import ModelMissing, PortalError
from bot.tables import Base
from bot.training import MODELS, NEWEST, SUFFIX, Model, find_model
from bot.turns import utc_now

IN_USE = ("live", "shadow", "canary")
ONLY_ONE = text("state <> 'trained'")
AGAIN = "look at `sprachportal models`, then try again"


class ModelRow(Base):
    """A model: its file's SHA-256 when it was registered, its figures as `sprachportal test` gives them, its state.

    `share` is a canary's percentage; `error` why it could not be loaded; `compared` and `dropped` count the turns that
    it read along, or had no time for.
    """

    __tablename__ = "models"
    __table_args__ = (Index("uq_models_state", "state", unique=True, sqlite_where=ONLY_ONE, postgresql_where=ONLY_ONE),)
    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64))
    fingerprint: Mapped[str] = mapped_column(String(64), doc="of the data it was trained on")
    trained_at: Mapped[datetime]
    trained_by: Mapped[str]
    figures: Mapped[dict[str, Any] | None]
    state: Mapped[str] = mapped_column(String(10), default="trained")
    share: Mapped[int | None]
    promoted_at: Mapped[datetime | None]
    error: Mapped[str | None]
    compared: Mapped[int] = mapped_column(default=0)
    dropped: Mapped[int] = mapped_column(default=0)


class PromotionRow(Base):
    """That a model went live `instead_of` another one; `forced` when past the gate, for `reason`. Never changed."""

    __tablename__ = "promotions"
    id: Mapped[int] = mapped_column(primary_key=True)
    model: Mapped[str] = mapped_column(ForeignKey("models.name"), index=True)
    instead_of: Mapped[str | None]
    by: Mapped[str]
    forced: Mapped[bool]
    reason: Mapped[str | None]
    at: Mapped[datetime]


class DisagreementRow(Base):
    """A turn that the shadow understood otherwise than the live model: ids and intents, no words."""

    __tablename__ = "model_disagreements"
    id: Mapped[int] = mapped_column(primary_key=True)
    model: Mapped[str] = mapped_column(String(100), index=True)
    turn_id: Mapped[str] = mapped_column(String(64))
    live_intent: Mapped[str]
    live_confidence: Mapped[float]
    shadow_intent: Mapped[str]
    shadow_confidence: Mapped[float]
    values_differ: Mapped[bool]
    at: Mapped[datetime] = mapped_column(default=utc_now)


class RegisterError(PortalError):
    """The register cannot be changed like this."""


@dataclass(frozen=True)
class Disagreement:
    """What live model and shadow made of a turn; `values_differ` when they found other values in it."""

    turn_id: str
    live_intent: str
    live_confidence: float
    shadow_intent: str
    shadow_confidence: float
    values_differ: bool


class Register:
    """All queries on the models, in the database at `url`."""

    def __init__(self, url: str) -> None:
        self._url = url

    def add(self, model: Model, *, by: str) -> ModelRow:
        """Write a model with its file's hash; one that is there already stays as it is."""
        known = self.get(model.name)
        if known is not None:
            return known
        model.require_whole()
        fresh = ModelRow(
            name=model.name,
            sha256=model.sha256,
            fingerprint=model.fingerprint,
            trained_at=model.trained_at,
            trained_by=by,
        )
        try:
            with _reading(self._url) as session:
                session.add(fresh)
                session.flush()
                session.refresh(fresh)
        except IntegrityError:
            return self.add(model, by=by)
        return fresh

    def get(self, name: str) -> ModelRow | None:
        """The model with this name."""
        with _reading(self._url) as session:
            return session.get(ModelRow, name)

    def all(self) -> list[ModelRow]:
        """All models, oldest first."""
        with _reading(self._url) as session:
            return list(session.scalars(select(ModelRow).order_by(ModelRow.trained_at)))

    def present_file(self) -> Path:
        """The file of the model that answers customers: the live one, or the newest while none was ever promoted.

        Raises `ModelMissing` when there is none, or when its file was changed.
        """
        live = self.in_state("live")
        return usable_file(live) if live else self.file_of(find_model(NEWEST))

    def file_of(self, model: Model) -> Path:
        """The model's file, for use; raises `ModelMissing` when it is not whole, or not the one in the register."""
        row = self.get(model.name)
        if row is not None:
            return usable_file(row)
        model.require_whole()
        return model.file

    def in_state(self, state: str) -> ModelRow | None:
        """The one model that is live, former, shadow or canary."""
        with _reading(self._url) as session:
            return session.scalars(select(ModelRow).where(ModelRow.state == state)).one_or_none()

    def in_use(self) -> dict[str, ModelRow]:
        """The live model, the shadow and the canary, by state; cheap enough for every second."""
        with _reading(self._url) as session:
            rows = session.scalars(select(ModelRow).where(ModelRow.state.in_(IN_USE))).all()
        return {row.state: row for row in rows}

    def set_figures(self, name: str, figures: dict[str, Any]) -> None:
        """Keep how good the model is, if it is in the register."""
        self._set(name, figures=figures)

    def set_error(self, name: str, error: str | None) -> None:
        """Keep why the model could not be loaded; None when it could."""
        self._set(name, error=error)

    def _set(self, name: str, **values: Any) -> None:
        with transaction(self._url) as session:
            session.execute(update(ModelRow).where(ModelRow.name == name).values(**values))

    def promote(self, name: str, *, by: str, instead_of: str | None, reason: str | None = None) -> None:
        """Make a model the live one. `instead_of` becomes the former one; a `reason` means that it was forced.

        Raises `RegisterError` when another than `instead_of` is live by now: somebody else was quicker.
        """
        with _change(self._url) as session:
            _free(session, "former")
            for gone in _free(session, "live"):
                if gone != instead_of:
                    raise RegisterError(f"{gone} was promoted meanwhile", AGAIN)
            if instead_of is not None:
                _enter(session, instead_of, "former")
            _go_live(session, name, instead_of=instead_of, by=by, forced=reason is not None, reason=reason)

    def roll_back(self, *, by: str, to: str) -> str:
        """Make the former model, `to`, the live one again; gives the name of the one taken back.

        Raises `RegisterError` when it is not the former one any more.
        """
        with _change(self._url) as session:
            if _free(session, "former") != [to]:
                raise RegisterError(f"{to} is not the former model any more", AGAIN)
            gone = _free(session, "live")[0]
            _go_live(session, to, instead_of=gone, by=by, forced=False, reason=f"rolled back from {gone}")
            return gone

    def promotions(self) -> list[PromotionRow]:
        """Which model went live when, newest first."""
        with _reading(self._url) as session:
            return list(session.scalars(select(PromotionRow).order_by(PromotionRow.id.desc())))

    def set_shadow(self, name: str | None) -> None:
        """Have this model read along from now on, or none; what it read along before is forgotten."""
        with _change(self._url) as session:
            _free(session, "shadow")
            if name is not None:
                _require_spare(session, name)
                session.execute(delete(DisagreementRow).where(DisagreementRow.model == name))
                _enter(session, name, "shadow", compared=0, dropped=0)

    def set_canary(self, name: str | None, share: int = 0) -> None:
        """Have this model answer `share` per cent of the conversations, or none."""
        with _change(self._url) as session:
            _free(session, "canary")
            if name is not None:
                _require_spare(session, name)
                _enter(session, name, "canary", share=share)

    def add_compared(self, name: str, compared: int, dropped: int, disagreements: Sequence[Disagreement]) -> None:
        """Count turns that the shadow read along or had no time for, and keep where it disagreed."""
        with transaction(self._url) as session:
            counted = {"compared": ModelRow.compared + compared, "dropped": ModelRow.dropped + dropped}
            session.execute(update(ModelRow).where(ModelRow.name == name).values(**counted))
            session.add_all(DisagreementRow(model=name, **vars(found)) for found in disagreements)

    def disagreements(self, name: str) -> list[DisagreementRow]:
        """Where the model disagreed while it read along, newest first."""
        with _reading(self._url) as session:
            wanted = select(DisagreementRow).where(DisagreementRow.model == name)
            return list(session.scalars(wanted.order_by(DisagreementRow.id.desc())))


def usable_file(row: ModelRow, folder: Path = MODELS) -> Path:
    """The model's file; raises `ModelMissing` when it is not the one that was registered."""
    model = Model(folder / f"{row.name}{SUFFIX}")
    if not model.file.is_file():
        raise ModelMissing(f"the model file {model.file} is not there", "bring it back, or promote another model")
    try:
        changed = model.sha256 != row.sha256
    except OSError as error:
        what = f"the model file {model.file} cannot be read: {error.strerror}"
        raise ModelMissing(what, "look at its permissions and the disk") from error
    if changed:
        raise ModelMissing(
            f"the model file {model.file} was cut or changed since it was registered",
            "bring the file back, or train or promote another model: sprachportal models lists them",
        )
    return model.file


@contextmanager
def _reading(url: str) -> Iterator[Session]:
    """A transaction whose rows can be read after it."""
    with transaction(url) as session:
        session.expire_on_commit = False
        yield session


@contextmanager
def _change(url: str) -> Iterator[Session]:
    """A change of states. Its first statement writes, so a second change waits, and finds the first one done."""
    try:
        with transaction(url) as session:
            yield session
    except IntegrityError as error:
        raise RegisterError("somebody else changed the register at the same moment", AGAIN) from error


def _free(session: Session, state: str) -> list[str]:
    """Take the model out of a state; its name, if there was one."""
    freed = update(ModelRow).where(ModelRow.state == state).values(state="trained", share=None)
    return list(session.scalars(freed.returning(ModelRow.name)))


def _enter(session: Session, name: str, state: str, **values: Any) -> None:
    changed = update(ModelRow).where(ModelRow.name == name).values(state=state, share=None, error=None)
    if session.execute(changed.values(**values)).rowcount == 0:  # type: ignore[attr-defined]
        raise RegisterError(f"the model {name} is not in the register", AGAIN)


def _go_live(session: Session, name: str, **how: Any) -> None:
    now = utc_now()
    _enter(session, name, "live", promoted_at=now)
    session.add(PromotionRow(model=name, at=now, **how))


def _require_spare(session: Session, name: str) -> None:
    state = session.scalar(select(ModelRow.state).where(ModelRow.name == name))
    if state in ("live", "former"):
        raise RegisterError(f"{name} is the {state} model", "choose another one: sprachportal models")
    if state in ("shadow", "canary"):
        raise RegisterError(f"{name} is the {state}", f"end that first: sprachportal {state} off")
