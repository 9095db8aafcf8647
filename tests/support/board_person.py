"""A person or a feed at the board of a running service."""

from datetime import timedelta

from support.signing_in import bearer

ANNOUNCED = {"model": "0123456789abcdef", "p10_s": 200.0, "p50_s": 300.0, "p90_s": 420.0}
SENT = {"incident_number": "000123-02062025", "pump": "A211"}


class Board:
    """A person at the board. Moments are minutes from the start of the clock."""

    def __init__(self, desk, name, role="operator"):
        self.desk, self.name, self.start = desk, name, desk.clock()
        self.headers = desk.bearer(name, role)

    def wait(self, minutes: float) -> None:
        """Longer than a token lives."""
        self.desk.clock.move(minutes=minutes)
        self.headers = bearer(self.desk.login(self.name).json()["access_token"])

    def at(self, minutes: float) -> str:
        return (self.start + timedelta(minutes=minutes)).isoformat()

    def send(self, at: float | None = 0, **values):
        moment = {} if at is None else {"at": self.at(at)}
        return self.desk.client.post(
            "/v1/mobilisations", json={**SENT, **moment, **values}, headers=self.headers
        )

    def sent(self, **values) -> str:
        return self.send(**values).json()["id"]

    def tell(self, mobilisation: str, event: str, at: float | None):
        body = None if at is None else {"at": self.at(at)}
        return self.desk.client.post(
            f"/v1/mobilisations/{mobilisation}/{event}", json=body, headers=self.headers
        )

    def put(self, pump: str, at: float, **values):
        body = {"at": self.at(at), **values}
        return self.desk.client.put(f"/v1/pumps/{pump}", json=body, headers=self.headers)

    def snapshot(self, at: float, *pumps):
        body = {"at": self.at(at), "pumps": list(pumps)}
        return self.desk.client.put("/v1/board", json=body, headers=self.headers)

    def board(self):
        return self.desk.client.get("/v1/board", headers=self.headers).json()

    def pump(self, code: str = "A211"):
        return next(pump for pump in self.board()["pumps"] if pump["code"] == code)
