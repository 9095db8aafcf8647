"""`/docs`: the interactive page of the API, with its Authorize button, as the original had it.

The page's script and style come from a public network of copies: without a way out it stays empty, and
`/openapi.json` says the same. It is the one page that may load anything, and its headers say from where.
"""

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html, get_swagger_ui_oauth2_redirect_html
from starlette.requests import Request
from starlette.responses import HTMLResponse

SCRIPTS = "https://cdn.jsdelivr.net"
REDIRECT = "/docs/oauth2-redirect"
POLICY = (
    f"default-src 'none'; script-src 'unsafe-inline' {SCRIPTS}; style-src 'unsafe-inline' {SCRIPTS}; "
    "img-src data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
HEADERS = {"Content-Security-Policy": POLICY}
NO_PICTURE = "data:,"


def add_docs_page(app: FastAPI) -> None:
    """Serve the page. It is public and shows nothing that `/openapi.json` does not."""

    async def docs(_request: Request) -> HTMLResponse:
        page = get_swagger_ui_html(
            openapi_url="/openapi.json",
            title="londonpump",
            oauth2_redirect_url=REDIRECT,
            swagger_favicon_url=NO_PICTURE,
        )
        page.headers.update(HEADERS)
        return page

    async def redirect(_request: Request) -> HTMLResponse:
        page = get_swagger_ui_oauth2_redirect_html()
        page.headers.update(HEADERS)
        return page

    app.add_route("/docs", docs, include_in_schema=False)
    app.add_route(REDIRECT, redirect, include_in_schema=False)
