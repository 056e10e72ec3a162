"""The HTTP and WebSocket server: OpenEnv's routes, sessions, `/metrics`."""

from .app import create_app
from .settings import ServerSettings

__all__ = ["ServerSettings", "create_app"]
