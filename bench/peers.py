"""What others offer for a guarded endpoint, each as its own documentation shows; installed from bench.lock."""

# ruff: noqa: B008, FAST002 - dependencies as the documentation of FastAPI's users writes them
# pyright: reportMissingImports=false, reportUntypedBaseClass=false
from __future__ import annotations

import json
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi_users import BaseUserManager, FastAPIUsers, UUIDIDMixin
from fastapi_users.authentication import AuthenticationBackend, BearerTransport, JWTStrategy, RedisStrategy
from fastapi_users.authentication.strategy.db import DatabaseStrategy
from fastapi_users_db_sqlalchemy import SQLAlchemyBaseUserTableUUID, SQLAlchemyUserDatabase
from fastapi_users_db_sqlalchemy.access_token import SQLAlchemyAccessTokenDatabase, SQLAlchemyBaseAccessTokenTableUUID
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from starsessions import InMemoryStore, SessionAutoloadMiddleware, SessionMiddleware

SECRET = "a secret of thirty-two bytes, and more"
Headers = list[tuple[bytes, bytes]]
Case = tuple[Any, list[Headers]]
"""An application, and what its clients present."""


def bearer(token: str) -> Headers:
    """The header that presents ``token``."""
    return [(b"authorization", f"Bearer {token}".encode())]


def asked(port: int) -> Any:
    """A client of the Redis at ``port``."""
    return Redis(port=port, decode_responses=True)


def with_pyjwt(people: int, blocklist: Any = None) -> Case:
    """PyJWT in an async dependency: HS256, expiry checked; and whether a Redis has it in its ``blocklist``, if given."""
    app = FastAPI()
    scheme = HTTPBearer()

    async def current(given: HTTPAuthorizationCredentials = Depends(scheme)) -> str:
        try:
            claims = jwt.decode(given.credentials, SECRET, algorithms=["HS256"])
        except jwt.InvalidTokenError as error:
            raise HTTPException(401) from error
        if blocklist is not None and await blocklist.exists(f"blocked:{claims['jti']}"):
            raise HTTPException(401)
        subject: str = claims["sub"]
        return subject

    @app.get("/links")
    async def links(who: str = Depends(current)) -> dict[str, str]:
        return {"links of": who}

    until = int(time.time()) + 3_600
    claims = ({"sub": f"user-{place}", "exp": until, "jti": uuid.uuid4().hex} for place in range(people))
    return app, [bearer(jwt.encode(claim, SECRET, algorithm="HS256")) for claim in claims]


class Base(DeclarativeBase):
    """The tables of fastapi-users."""


class User(SQLAlchemyBaseUserTableUUID, Base):
    """A user."""


class AccessToken(SQLAlchemyBaseAccessTokenTableUUID, Base):
    """A token of the database strategy."""


class Users(UUIDIDMixin, BaseUserManager[User, uuid.UUID]):
    """Finds users."""


async def with_fastapi_users(folder: Path, people: int, redis: Any = None) -> dict[str, Case]:
    """fastapi-users with its JWT, database and Redis strategies; users on SQLite by SQLAlchemy and aiosqlite."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{folder}/users.db")
    maker = async_sessionmaker(engine, expire_on_commit=False)
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)

    async def session() -> AsyncIterator[Any]:
        async with maker() as opened:
            yield opened

    async def users(opened: Any = Depends(session)) -> AsyncIterator[Any]:
        yield SQLAlchemyUserDatabase(opened, User)

    async def tokens(opened: Any = Depends(session)) -> AsyncIterator[Any]:
        yield SQLAlchemyAccessTokenDatabase(opened, AccessToken)

    async def manager(found: Any = Depends(users)) -> AsyncIterator[Any]:
        yield Users(found)

    def by_jwt() -> Any:
        return JWTStrategy(secret=SECRET, lifetime_seconds=3_600)

    def by_database(found: Any = Depends(tokens)) -> Any:
        return DatabaseStrategy(found, lifetime_seconds=3_600)

    def by_redis() -> Any:
        return RedisStrategy(redis, lifetime_seconds=3_600)

    transport = BearerTransport(tokenUrl="auth/login")
    cases = dict[str, Case]()
    async with maker() as opened:
        made = [User(email=f"user-{place}@example.com", hashed_password="-", is_active=True) for place in range(people)]
        opened.add_all(made)
        await opened.commit()
        known = SQLAlchemyAccessTokenDatabase(opened, AccessToken)
        strategies = {
            "JWT": (by_jwt, by_jwt()),
            "database": (by_database, DatabaseStrategy(known, lifetime_seconds=3_600)),
        }
        if redis is not None:
            strategies["Redis"] = by_redis, by_redis()
        for name, (strategy, writes) in strategies.items():
            backend = AuthenticationBackend(name=name, transport=transport, get_strategy=strategy)
            current = FastAPIUsers[User, uuid.UUID](manager, [backend]).current_user(active=True)
            presented = [bearer(await writes.write_token(user)) for user in made]
            cases[f"fastapi-users, {name} strategy"] = _of_users(current), presented
    return cases


def _of_users(current: Any) -> FastAPI:
    app = FastAPI()

    @app.get("/links")
    async def links(who: Any = Depends(current)) -> dict[str, str]:
        return {"links of": str(who.id)}

    return app


async def with_starsessions(people: int) -> Case:
    """Sessions of starsessions, with its store in memory, loaded by its middleware."""
    app = FastAPI()
    store = InMemoryStore()
    app.add_middleware(SessionAutoloadMiddleware)
    app.add_middleware(SessionMiddleware, store=store, lifetime=3_600, rolling=False)

    @app.get("/links")
    async def links(request: Request) -> dict[str, str]:
        if "user" not in request.session:
            raise HTTPException(401)
        return {"links of": request.session["user"]}

    for place in range(people):
        await store.write(f"id-{place}", json.dumps({"user": f"user-{place}"}).encode(), lifetime=3_600, ttl=3_600)
    return app, [[(b"cookie", f"session=id-{place}".encode())] for place in range(people)]
