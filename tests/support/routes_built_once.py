"""Routes of the service built once per worker.

FastAPI builds the routes of an application at its first request, which takes half of the start of a service; hundreds of
tests start one. The routes are those of the modules, the same in every application.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from fastapi.routing import APIRoute, _IncludedRouter


@contextmanager
def routes_kept() -> Iterator[None]:
    """Look up what FastAPI made of a route that another application has included in the same way."""
    kept: dict[object, tuple[APIRoute, object]] = {}
    build = _IncludedRouter._build_effective_context

    def build_once(self: _IncludedRouter, route: APIRoute):
        included = self.include_context
        key = (id(route), included.prefix, included.max_body_size, *map(id, included.dependencies))
        if key not in kept:
            # The route is kept as well: the id of a route that is gone could be that of another.
            kept[key] = route, build(self, route)
        return kept[key][1]

    with patch.object(_IncludedRouter, "_build_effective_context", build_once):
        yield
