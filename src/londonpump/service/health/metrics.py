"""What Prometheus may ask for. No label holds anything personal, and none has more values than we know of."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.registry import Collector

BUCKETS_S = (0.002, 0.005, 0.01, 0.02, 0.03, 0.06, 0.1, 0.25, 1.0, 5.0)


class Metrics:
    """Counters of one process, in a registry of its own, so that two services in one process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Histogram(
            "londonpump_request_seconds",
            "Time a request took in the service, s",
            ("method", "route", "status"),
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        self.predictions = Counter(
            "londonpump_predictions", "Predictions made", ("kind", "model"), registry=self.registry
        )
        self.champion_problems = Counter(
            "londonpump_champion_problems", "Bundles that could not go on duty", registry=self.registry
        )
        self.model = Gauge("londonpump_model_info", "The model on duty", ("model",), registry=self.registry)

    def note_request(self, method: str, route: str, status: int, took_s: float) -> None:
        """Count a request."""
        self.requests.labels(method, route, str(status)).observe(took_s)

    def note_champion(self, name: str | None) -> None:
        """Say which model is on duty: one of them at a time, or none."""
        self.model.clear()
        if name is not None:
            self.model.labels(name).set(1)

    def add(self, collector: Collector) -> None:
        """Have a part's own figures, read when they are asked for (live error and coverage by model)."""
        self.registry.register(collector)

    def remove(self, collector: Collector) -> None:
        """End what `add` began: one application may be opened and closed again and again."""
        self.registry.unregister(collector)

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self.registry)
