"""Figures for Prometheus: counts and times, never words, numbers or names of customers."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

REGISTRY = CollectorRegistry()
REQUESTS = Counter("sprachportal_requests_total", "HTTP requests", ["route", "status"], registry=REGISTRY)
TURNS = Counter("sprachportal_turns_total", "Turns answered", ["channel", "state"], registry=REGISTRY)
TURN_SECONDS = Histogram(
    "sprachportal_turn_seconds",
    "From taking a turn up to its answer being written",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=REGISTRY,
)
EVENTS = Counter("sprachportal_events_total", "What providers told us", ["channel", "kind"], registry=REGISTRY)
DELIVERIES = Counter("sprachportal_deliveries_total", "Tries to deliver", ["channel", "outcome"], registry=REGISTRY)
OUTBOX = Gauge("sprachportal_outbox", "Deliveries that are not at a good end", ["state"], registry=REGISTRY)


def page() -> bytes:
    """All figures in Prometheus' text form."""
    return bytes(generate_latest(REGISTRY))
