"""A path is one page to whoever judges it, and another to the program that answers (FWD-03).

The gateway's rule is for `/admin/*`; the program also answers `/x/%2e%2e/admin`, `/%61dmin`, `/admin;x`, `/ADMIN` or
`//admin` with it. Each such spelling is a way past the rule, unless it is read as the program will, or refused.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import product
from urllib.parse import unquote

import pytest

from admit.core.policy import Policy
from admit.core.target import Target
from admit.errors import Denied
from gateways import HOST, RULES, by, front

STEPS = ("/admin", "/x/../admin", "/./admin", "//admin", "/x//../admin", "/static/../admin", "/static/..;/admin", "/admin/.",
         "/;a/admin", "/\\admin", "/x\\..\\admin", "/ADMIN", "/admin.", "/admin%20", "/admin;v=1", "/admın", "/ａdmin", "/admin#", "/admin?")  # fmt: skip
ESCAPES = (
    lambda text: text,
    lambda text: text.replace(".", "%2e"),
    lambda text: text.replace(".", "%2E").replace("/..", "/.%2e"),
    lambda text: "/" + text[1:].replace("/", "%2f"),
    lambda text: "/" + text[1:].replace("/", "%5c"),
    lambda text: text.replace("a", "%61"),
    lambda text: text.replace("a", "%2561"),
    lambda text: text.replace(".", "%252e"),
    lambda text: text.replace("/", "/%00"),
    lambda text: text.replace(";", "%3b"),
    lambda text: text.replace("/", "%c0%af"),
    lambda text: text.replace("/", "／"),
)
CORPUS = sorted({escape(step) + end for step, escape, end in product(STEPS, ESCAPES, ("", "/x", "?y=/static/"))})


def readings(target: str) -> set[str]:
    """What programs make of a target: decoded once or twice, cut, folded, shortened, each in every order."""
    seen, todo = set[str](), {target.partition("?")[0]}
    while todo:
        text = todo.pop()
        seen.add(text)
        todo |= {
            unquote(text), text.replace("\\", "/"), re.sub(r";[^/]*", "", text), re.sub(r"//+", "/", text),
            unicodedata.normalize("NFKC", text).casefold(), text.partition("#")[0], text.partition("\0")[0], text.replace("\0", ""),
            re.sub(r"[. ]+(?=/|$)", "", text), re.sub(r"(^|/)\.(?=/|$)", "", text), re.sub(r"/[^/]+/\.\.(?=/|$)", "", text),
            re.sub(r"^/\.\.(?=/|$)", "", text), text.partition("?")[0],
        } - seen  # fmt: skip
    return seen


def is_admin(target: str) -> bool:
    """Whether some program would answer ``target`` with a page of `/admin`."""
    return any(re.fullmatch(r"/+admin(/.*)?", text, re.DOTALL) for text in readings(target))


def test_nothing_that_some_program_reads_as_an_administrators_page_meets_another_rule() -> None:
    policy, met = Policy(rules=RULES), set[int]()
    for target in CORPUS:
        try:
            rule = policy.rule_for(Target.read("GET", HOST, target))
        except Denied:
            continue
        met.add(rule.number)
        assert rule.number == 2 or not is_admin(target), target
    assert 2 in met
    assert sum(map(is_admin, CORPUS)) > 200


@pytest.mark.parametrize("target", ["/admin", "/%61dmin/x", "/admin/", "/admin/x?y=/static/"])
async def test_every_spelling_of_it_that_is_taken_asks_for_an_administrator(target: str) -> None:
    async with front() as here:
        cookie = by(await here.world.sign_in())
        assert (await here.asks(target, **cookie)).json()["code"] == "not_enough"
        assert (await here.asks("/x/y", **cookie)).status_code == 200


@pytest.mark.parametrize("target", ["/static%2fx", "/static%2Fx", "/static%5cx", "/static;/x", "/static/%2e%2e/x"])
def test_what_is_below_a_page_to_one_program_alone_is_below_none(target: str) -> None:
    with pytest.raises(Denied):
        Policy(rules=RULES).rule_for(Target.read("GET", HOST, target))


async def test_a_rule_for_nobody_is_for_nobody_however_it_is_spelt() -> None:
    async with front() as here:
        cookie = by(await here.world.sign_in())
        for target in CORPUS:
            inside = target.replace("admin", "internal").replace("%61dmin", "internal")
            if inside.isascii() and (await here.asks(inside, **cookie)).status_code == 200:
                read = {re.sub(r"^/+", "/", text) for text in readings(inside)}
                assert not any(text == "/internal" or text.startswith("/internal/") for text in read), inside
