"""Endpoints raise errors and catch none: one table maps errors to responses."""

import ast
import inspect
import textwrap
from typing import Any

import pytest

from londonpump.original.routes import router as original
from londonpump.service.app import ROUTERS

ROUTES: list[Any] = [route for router in (*ROUTERS, original) for route in router.routes]
ENDPOINTS = {route.endpoint.__name__: route.endpoint for route in ROUTES}


@pytest.mark.parametrize("name", ENDPOINTS)
def test_an_endpoint_is_async_and_holds_no_try(name) -> None:
    tree = ast.parse(textwrap.dedent(inspect.getsource(ENDPOINTS[name])))
    assert isinstance(tree.body[0], ast.AsyncFunctionDef)
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Try)]
