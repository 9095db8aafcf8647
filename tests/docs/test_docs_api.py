"""The API's page holds every route of the service, with whose it is."""

import pytest
from support.documented_commands import ROOT

from londonpump.assembly import create_app
from londonpump.settings import Settings


@pytest.fixture(scope="module")
def page() -> str:
    return (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")


def test_every_route_has_its_part(page: str, tmp_path) -> None:
    paths = create_app(Settings(home=tmp_path)).openapi()["paths"]
    routes = [f"### `{method.upper()} {path}`\n" for path, methods in paths.items() for method in methods]
    assert [route for route in routes if route not in page] == []


@pytest.mark.parametrize(
    ("route", "who"),
    [
        ("PUT /v1/board", "admin, service"),
        ("GET /v1/users", "admin"),
        ("GET /v1/models/decisions", "admin, analyst, supervisor"),
        ("POST /v1/predictions", "admin, operator, service, supervisor"),
        ("GET /me", "any account"),
        ("GET /v1/incidents/{incident_number}", "any account"),
        ("POST /login", "everybody"),
    ],
)
def test_a_route_says_who_may_call_it(route: str, who: str, page: str) -> None:
    part = page.split(f"### `{route}`\n\n")[1]
    assert part.startswith(f"For {who}. ")


@pytest.mark.parametrize("field", ["| `p50_s` | number | s |", "| `easting_m` | number | m, EPSG:27700 |"])
def test_a_field_has_its_unit(field: str, page: str) -> None:
    assert field in page
