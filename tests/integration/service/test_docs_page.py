"""The API page is served completely by the service and loads nothing from other hosts."""

import re
from collections.abc import Iterator

import pytest
from support.accounts_service import ServiceClient
from support.running_service import database_with, running

NAMED = re.compile(r'(?:src|href)="([^"]+)"')


@pytest.fixture
def client(tmp_path) -> Iterator[ServiceClient]:
    url = f"sqlite:///{tmp_path}/a.db"
    database_with(url)
    with running(url, tmp_path) as client:
        yield client


def policy(answer) -> dict[str, str]:
    """Return the content security policy by directive."""
    parts = (part.split(maxsplit=1) for part in answer.headers["content-security-policy"].split(";"))
    return dict(parts)


def test_the_page_names_no_other_host(client) -> None:
    page_text = client.get("/docs").text + client.get("/docs/start.js").text
    assert re.findall(r"//[^\s]*", page_text) == []


def test_its_policy_lets_it_load_from_the_service_alone(client) -> None:
    allowed = policy(client.get("/docs"))
    assert allowed["default-src"] == "'none'"
    assert {allowed[name] for name in ("script-src", "style-src", "connect-src")} == {"'self'"}


def test_no_script_stands_in_the_page(client) -> None:
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", client.get("/docs").text, re.DOTALL)
    assert [(bool("src=" in attributes), body) for attributes, body in scripts] == [(True, "")] * 2


def test_all_that_the_page_names_is_there(client) -> None:
    named = [name for name in NAMED.findall(client.get("/docs").text) if not name.startswith("data:")]
    assert len(named) == 4
    assert {name: client.get(f"/{name}").status_code for name in named} == dict.fromkeys(named, 200)


@pytest.mark.parametrize(
    ("file", "media_type"), [("swagger-ui.css", "text/css"), ("swagger-ui-bundle.js", "text/javascript")]
)
def test_its_files_are_told_as_what_they_are_and_may_be_kept(file, media_type, client) -> None:
    headers = client.get(f"/docs/{file}").headers
    assert headers["content-type"].startswith(media_type)
    assert headers["cache-control"] == "public, max-age=3600"


def test_redoc_is_there_and_comes_whole_from_the_service(client) -> None:
    """Issue 11, C1."""
    page = client.get("/redoc")
    assert (page.status_code, re.findall(r"//[^\s]*", page.text)) == (200, [])
    allowed = policy(page)
    assert (allowed["default-src"], allowed["script-src"], allowed["connect-src"]) == (
        "'none'",
        "'self'",
        "'self'",
    )
    script = client.get("/redoc/redoc.standalone.js")
    assert (script.status_code, script.headers["content-type"]) == (200, "text/javascript; charset=utf-8")
    assert len(script.content) > 500_000


@pytest.mark.parametrize("file", ["redoc.standalone.js", "..%2fcore.py", "%2e%2e%2f__init__.py", "%2e%2e"])
def test_no_other_file_is_given_away(file, client) -> None:
    assert client.get(f"/docs/{file}").status_code == 404


def test_its_authorize_button_asks_for_a_password_and_signs_in_at_login(client) -> None:
    schemes = client.get("/openapi.json").json()["components"]["securitySchemes"].values()
    assert [scheme["flows"]["password"]["tokenUrl"] for scheme in schemes] == ["login"]
