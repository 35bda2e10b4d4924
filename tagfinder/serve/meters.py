"""What the service counts, for Prometheus.

Several processes write their counters into the folder that `PROMETHEUS_MULTIPROC_DIR` names, and
each answers with the sums.
"""

from __future__ import annotations

import os

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.types import Scope

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
# Set, the values of several processes are added up.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
TEXTS = (1, 2, 4, 8, 16, 32, 64, 128)


class Meters:
    """Counters of one service, in a separate registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "tagfinder_requests",
            "Requests answered.",
            ["path", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "tagfinder_request_seconds",
            "Seconds from a request to its answer.",
            ["path"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.batches = Histogram(
            "tagfinder_batch_texts",
            "Texts that were scored together.",
            ["model"],
            buckets=TEXTS,
            registry=self.registry,
        )
        self.waiting = Gauge(
            "tagfinder_waiting_texts",
            "Texts that wait to be scored.",
            ["model"],
            registry=self.registry,
            multiprocess_mode="livesum",
        )

    def answered(self, scope: Scope, status: int, seconds: float) -> None:
        """Count a request; paths that do not exist share one name, so that they cannot pile up."""
        route = scope.get("route")
        path = getattr(route, "path", "other")
        self.requests.labels(path, str(status)).inc()
        self.seconds.labels(path).observe(seconds)

    def page(self) -> bytes:
        """Return all values in Prometheus' text format."""
        if FOLDER not in os.environ:
            return generate_latest(self.registry)
        of_all = CollectorRegistry()
        MultiProcessCollector(of_all)
        return generate_latest(of_all)
