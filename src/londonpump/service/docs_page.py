"""`/docs`: the interactive page of the API, with its Authorize button, and `/redoc`, as the original had them.

The files of Swagger UI and Redoc come out of a package and are served from here: the page works in a closed control room, and its
policy lets nothing load from elsewhere and no script run that stands in a page. Addresses in it are relative, so
that it works under a path of a proxy too.
"""

import json
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI, HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
NOT_THE_PAGE = "default-src 'none'; frame-ancestors 'none'"
STATIC = Path(str(files("fastapi_offline"))) / "static"
ASSETS = {"swagger-ui.css": "text/css", "swagger-ui-bundle.js": "text/javascript"}
START = "start.js"
KEPT = {"Cache-Control": "public, max-age=3600", "Content-Security-Policy": NOT_THE_PAGE}
REDOC_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; worker-src blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""Redoc writes its styles into the page, and searches in a worker that it makes itself."""
REDOC = "redoc.standalone.js"
REDOC_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>londonpump: API</title>
<link rel="icon" href="data:,">
</head>
<body>
<redoc spec-url="openapi.json"></redoc>
<noscript>This page needs scripts. <a href="openapi.json">openapi.json</a> says the same.</noscript>
<script src="redoc/redoc.standalone.js"></script>
</body>
</html>
"""
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>londonpump: API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<noscript>This page needs scripts. <a href="openapi.json">openapi.json</a> says the same.</noscript>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
START_SCRIPT = """const dark = window.matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
follow();
dark.addEventListener("change", follow);
SwaggerUIBundle({
  url: new URL("openapi.json", document.baseURI).href,
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  validatorUrl: null,
});
"""


def add_docs_page(app: FastAPI) -> None:
    """Serve the pages, their files and the document they show. They are public, and made into bytes once."""

    @cache
    def document() -> bytes:
        return json.dumps(app.openapi(), ensure_ascii=False, separators=(",", ":")).encode()

    async def openapi(request: Request) -> Response:
        return _unless_known(request, document(), "application/json", {"Cache-Control": "no-cache"})

    app.add_route("/docs", _page, include_in_schema=False)
    app.add_route("/docs/{file}", _asset, include_in_schema=False)
    app.add_route("/openapi.json", openapi, include_in_schema=False)
    app.add_route("/redoc", _redoc_page, include_in_schema=False)
    app.add_route(f"/redoc/{REDOC}", _redoc_script, include_in_schema=False)


async def _page(_request: Request) -> Response:
    return HTMLResponse(PAGE, headers={"Content-Security-Policy": POLICY})


async def _redoc_page(_request: Request) -> Response:
    return HTMLResponse(REDOC_PAGE, headers={"Content-Security-Policy": REDOC_POLICY})


async def _redoc_script(request: Request) -> Response:
    return _unless_known(request, _content(REDOC), "text/javascript", KEPT)


async def _asset(request: Request) -> Response:
    name = str(request.path_params["file"])
    if name == START:
        return Response(START_SCRIPT, media_type="text/javascript", headers=KEPT)
    if name not in ASSETS:
        raise HTTPException(404)
    return _unless_known(request, _content(name), ASSETS[name], KEPT)


@cache
def _content(name: str) -> bytes:
    """One of Swagger UI's files. It is read once: 1.4 MB from the disk for each request would keep threads busy."""
    return (STATIC / name).read_bytes()


@cache
def _tag(content: bytes) -> str:
    return f'"{sha256(content).hexdigest()[:32]}"'


def _unless_known(request: Request, content: bytes, media_type: str, headers: Mapping[str, str]) -> Response:
    """The content, or 304 to a client that names it as what it has."""
    headers = {**headers, "ETag": _tag(content)}
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if _tag(content) in known:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)
