"""What a framework's request is to the core; guards know."""

from admit.guards.asgi import asked

__all__ = ["asked"]
