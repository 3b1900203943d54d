"""Puts sessions of peers into Redis, with the data that ours have: `kept.py django PORT NUMBER`.

They keep a session under its key and nothing else: whose sessions there are, nobody can ask them.
"""
# pyright: reportMissingImports=false

from __future__ import annotations

import asyncio
import secrets
import sys
import time
from typing import Any

LIFE = 1_209_600
"""Seconds."""

DEVICE = "Firefox/Linux"


def data(subject: str) -> dict[str, Any]:
    """What an application knows of a session."""
    now = time.time()
    return {
        "created_at": now,
        "authenticated_at": now,
        "seen_at": now,
        "methods": ["pwd", "otp"],
        "device": DEVICE,
        "subject": subject,
    }


def django(port: int, number: int) -> None:
    """Sessions as `login()` makes them, with what we know beside, in Django's own Redis cache."""
    from django.conf import settings

    settings.configure(
        CACHES={
            "default": {
                "BACKEND": "django.core.cache.backends.redis.RedisCache",
                "LOCATION": f"redis://127.0.0.1:{port}",
            }
        }
    )
    from django.contrib.sessions.backends.cache import SessionStore

    for _ in range(number):
        session = SessionStore()
        session["_auth_user_id"] = secrets.token_urlsafe(16)
        session["_auth_user_backend"] = "django.contrib.auth.backends.ModelBackend"
        session["_auth_user_hash"] = secrets.token_hex(32)
        known = data("")
        del known["subject"]  # it has that already
        for name, value in known.items():
            session[name] = value
        session.save()


def starsessions(port: int, number: int) -> None:
    """Sessions as its Redis store keeps them."""
    from redis.asyncio import Redis
    from starsessions.serializers import JsonSerializer
    from starsessions.session import generate_session_id
    from starsessions.stores.redis import RedisStore

    serializer = JsonSerializer()

    async def fill() -> None:
        connection = Redis(host="127.0.0.1", port=port)
        store = RedisStore(connection=connection)
        for _ in range(number):
            now = time.time()
            known = {"__metadata__": {"lifetime": LIFE, "created": now, "last_access": now}}
            body = serializer.serialize(data(secrets.token_urlsafe(16)) | known)
            await store.write(generate_session_id(), body, lifetime=LIFE, ttl=LIFE)
        await connection.aclose()

    asyncio.run(fill())


PEERS = {"django": django, "starsessions": starsessions}


if __name__ == "__main__":
    PEERS[sys.argv[1]](int(sys.argv[2]), int(sys.argv[3]))
