"""A bare FastAPI endpoint that predicts one row with one LightGBM booster: the least that an answer of a model costs.

`python -m benchmarks.service.bare` trains a small booster, prints its address and serves until it is terminated.
"""

import socket
from typing import Any

import numpy as np
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from benchmarks.service.clients import BARE_COLUMNS
from londonpump.models import boosters

TREES, ROWS = 150, 20_000


class Row(BaseModel):
    """One row of the table."""

    row: list[float]


def create() -> FastAPI:
    """Return the application, with a booster of random rows."""
    rng = np.random.default_rng(1)
    table = rng.normal(size=(ROWS, BARE_COLUMNS))
    names = tuple(f"column_{i}" for i in range(BARE_COLUMNS))
    parameters: boosters.Parameters = {"objective": "regression", "num_trees": TREES, "num_leaves": 31}
    booster = boosters.train(table, table[:, 0] * table[:, 1], names, parameters)
    app = FastAPI()

    @app.post("/")
    async def predict(sent: Row) -> dict[str, Any]:
        return {"value": float(boosters.predict(booster, np.array([sent.row]))[0])}

    @app.get("/readyz")
    async def ready() -> dict[str, str]:
        return {"status": "pass"}

    return app


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", 0))
    print(f"Serving on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    config = uvicorn.Config(create(), log_level="warning", access_log=False)
    uvicorn.Server(config).run(sockets=[listener])
