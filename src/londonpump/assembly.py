"""The application put together: the service, and the routes of the original mounted on it."""

from fastapi import FastAPI

from londonpump.original.routes import router as original
from londonpump.service.app import create_service
from londonpump.service.state import ServiceOptions
from londonpump.settings import Settings


def create_app(settings: Settings, *, options: ServiceOptions | None = None) -> FastAPI:
    """Build the application. Nothing is opened before its lifespan begins.

    The lifespan raises DatabaseFailed, or BadFile for the secret, if the application cannot start.
    """
    app = create_service(settings, options=options)
    app.include_router(original)
    return app
