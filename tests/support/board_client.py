"""A client of the board of a running service, for a person or a feed."""

from datetime import timedelta

from support.accounts_service import bearer

ANNOUNCED = {"model": "0123456789abcdef", "p10_s": 200.0, "p50_s": 300.0, "p90_s": 420.0}
SENT = {"incident_number": "000123-02062025", "pump": "A211"}


class Board:
    """A user of the board. Times are minutes from the start of the clock."""

    def __init__(self, live_service, name, role="operator"):
        self.live_service, self.name, self.start = live_service, name, live_service.clock()
        self.headers = live_service.bearer(name, role)

    def wait(self, minutes: float) -> None:
        """Move the clock beyond the lifetime of a token."""
        self.live_service.clock.move(minutes=minutes)
        self.headers = bearer(self.live_service.login(self.name).json()["access_token"])

    def at(self, minutes: float) -> str:
        return (self.start + timedelta(minutes=minutes)).isoformat()

    def send(self, at: float | None = 0, **values):
        time_field = {} if at is None else {"at": self.at(at)}
        return self.live_service.client.post(
            "/v1/mobilisations", json={**SENT, **time_field, **values}, headers=self.headers
        )

    def sent(self, **values) -> str:
        return self.send(**values).json()["id"]

    def report_event(self, mobilisation: str, event: str, at: float | None):
        body = None if at is None else {"at": self.at(at)}
        return self.live_service.client.post(
            f"/v1/mobilisations/{mobilisation}/{event}", json=body, headers=self.headers
        )

    def put(self, pump: str, at: float, **values):
        body = {"at": self.at(at), **values}
        return self.live_service.client.put(f"/v1/pumps/{pump}", json=body, headers=self.headers)

    def snapshot(self, at: float, *pumps):
        body = {"at": self.at(at), "pumps": list(pumps)}
        return self.live_service.client.put("/v1/board", json=body, headers=self.headers)

    def board(self):
        return self.live_service.client.get("/v1/board", headers=self.headers).json()

    def pump(self, code: str = "A211"):
        return next(pump for pump in self.board()["pumps"] if pump["code"] == code)
