"""Work for the back office: made once, with its deadline, and how the result reaches the customer."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, timedelta
from typing import Any

import holidays
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from actions.case import Case
from actions.models import Customer, Task
from actions.say import day

MONTHS_A_YEAR = 12
DAYS_UNTIL_TRUSTED = 14


def find_task(case: Case, kind: str, subject: str) -> Task | None:
    """The open task of this kind about an invoice, an order or a customer."""
    wanted = select(Task).where(Task.kind == kind, Task.subject == subject, Task.status == "open")
    return case.session.scalars(wanted).one_or_none()


def open_task(
    case: Case, kind: str, subject: str, *, due_on: date, details: dict[str, Any] | None = None
) -> tuple[Task, bool]:
    """The open task, and whether it was made just now; the database sees to it that there is one only."""
    values = {
        "kind": kind,
        "subject": subject,
        "customer_number": case.get("customer"),
        "details": details or {},
        "created_at": case.now.astimezone(UTC),
        "due_on": due_on,
    }
    made = case.session.scalar(_insert(case).values(values).on_conflict_do_nothing().returning(Task.id))
    task = find_task(case, kind, subject)
    if task is None:
        raise LookupError(f"no open task of the kind {kind}")
    return task, made is not None


def _insert(case: Case) -> sqlite.Insert | postgresql.Insert:
    """SQLAlchemy has `on conflict do nothing` per database only."""
    is_sqlite = case.session.get_bind().dialect.name == "sqlite"
    return sqlite.insert(Task) if is_sqlite else postgresql.insert(Task)


def task_words(case: Case, task: Task) -> dict[str, Any]:
    """What responses say of a task: `asked` is the day it was asked for, `due` the day it is due."""
    created = task.created_at if task.created_at.tzinfo else task.created_at.replace(tzinfo=UTC)
    now = case.now
    return {
        "asked": day(created.astimezone(now.tzinfo).date(), now.date(), case.language),
        "due": day(task.due_on, now.date(), case.language),
    }


def trusted_email(case: Case, customer: Customer) -> str | None:
    """The e-mail address for things only the customer may get: one entered lately gives way to the one before it."""
    since = (case.now.date() - timedelta(days=DAYS_UNTIL_TRUSTED)).isoformat()
    wanted = select(Task).where(Task.kind == "contact_changed", Task.subject == customer.number)
    tasks = case.session.scalars(wanted.order_by(Task.id))
    changes = (change for task in tasks for change in task.details["changes"])
    lately = (c["note_to"] for c in changes if c["what"] == "email" and c["on"] >= since)
    before: str | None = next(lately, customer.email)
    return before


def say_where(case: Case, customer: Customer, task: Task) -> None:
    """Say where the result goes and until when: to an e-mail address, which is masked, or by post."""
    due = task_words(case, task)["due"]
    email = task.details.get("send_to", trusted_email(case, customer))
    if email and email != customer.email:
        case.say("utter_sent_to_former_email", due=due, email=mask_email(email))
    elif email:
        case.say("utter_sent_to_email", due=due, email=mask_email(email))
    else:
        case.say("utter_sent_by_post", due=due)


def mask_email(email: str) -> str:
    """An e-mail address that only its owner recognises: `a***@example.org`."""
    name, _, domain = email.partition("@")
    return f"{name[:1]}***@{domain}"


def months_later(start: date, months: int) -> date:
    """The same day some months later (earlier when negative), or the last day of a shorter month."""
    years, month = divmod(start.month - 1 + months, MONTHS_A_YEAR)
    year = start.year + years
    return date(year, month + 1, min(start.day, monthrange(year, month + 1)[1]))


def working_days_later(case: Case, days: int) -> date:
    """The day some working days after today; public holidays are those of the company's state."""
    free = holidays.country_holidays("DE", subdiv=case.company.state)
    found = case.now.date()
    while days:
        found += timedelta(days=1)
        days -= found.weekday() < 5 and found not in free
    return found
