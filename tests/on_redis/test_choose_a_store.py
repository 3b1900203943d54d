"""The page "Choose a store", as far as it is about Redis: a server that is set up as it says has nothing to mend."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from admit.errors import StoreUnavailable
from admit.lab.browser.certificate import self_signed
from admit.stores import examine
from admit.stores.redis_place import parse
from networked.choose_a_store import PAGE, blocks
from redises import redis


async def test_a_redis_that_is_set_up_as_the_page_says_has_nothing_to_mend(tmp_path: Path) -> None:
    settings, written = blocks("Set up a Redis", "text")
    chosen = dict(line.replace("-", "_").split() for line in settings.splitlines())
    with redis(**chosen) as engine:
        certificate, key = self_signed(engine.folder, "localhost")
        engine.run("ACL", "SETUSER", "admit", "on", ">change this", "~*", "&*", "+@all")
        engine.run("CONFIG", "SET", "tls-cert-file", str(certificate), "tls-key-file", str(key))
        engine.run("CONFIG", "SET", "tls-auth-clients", "no", "tls-ca-cert-file", str(certificate))
        plain = engine.port
        engine.run("CONFIG", "SET", "port", "0", "tls-port", str(plain))
        url = written.partition('"')[2].partition('"')[0]
        url = url.replace("redis.example.com:6379", f"localhost:{plain}").replace("/etc/admit/ca.pem", str(certificate))
        assert {finding.state for finding in (await examine(url)).findings} == {"good"}
        for unproven in (url.partition("?")[0], url.replace("localhost", "127.0.0.1")):
            with pytest.raises(StoreUnavailable, match=r"(?i)certificate"):
                await examine(unproven)


def test_every_url_of_the_page_is_one() -> None:
    urls = re.findall(r'"(rediss?[+a-z]*)://([^"]+)"', PAGE)
    assert len(urls) == 3
    assert {parse(scheme, rest).shape for scheme, rest in urls} == {"one", "sentinel", "cluster"}
