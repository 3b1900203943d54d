"""Who guesses writes another address into a header for each guess, and is somebody new each time (ENU-04).

Only what configured proxies say counts, in the one header they say it in, read from its end; and however an address is
spelled, it is one address. Of IPv6 everybody has 18 trillion million: a /64 counts as one.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admit.core.address import NO_PROXIES, ProxyHeader, TrustedProxies, address, source_of
from admit.core.request import Request
from admit.errors import ConfigError
from doors import ANN, authority, door
from throttled import Clock

PROXY, SENDER, LIE = "10.0.0.1", "203.0.113.7", "198.51.100.66"
NETWORKS = ("10.0.0.0/8", "fd00::/8")
WRONG = ANN | {"password": "not the password of Ann"}
HEADERS: tuple[ProxyHeader, ...] = ("x-forwarded-for", "forwarded", "x-real-ip")


def source(header: ProxyHeader, *lines: tuple[str, str], peer: str | None = PROXY) -> str:
    headers = tuple((name.encode(), value.encode("latin-1")) for name, value in lines)
    return TrustedProxies.of(NETWORKS, header).source(Request("GET", "/", headers, peer))


async def test_a_new_address_for_each_guess_makes_nobody_new() -> None:
    async with door(authority(clock=Clock())) as here:
        names = (
            "X-Forwarded-For",
            "Forwarded",
            "X-Real-IP",
            "X-Client-IP",
            "True-Client-IP",
            "CF-Connecting-IP",
            "Via",
        )
        statuses: list[int] = []
        for number in range(25):
            lie = f"198.51.100.{number}"
            headers = dict.fromkeys(names, lie) | {"Forwarded": f"for={lie}"}
            body = {"email": f"user{number}@example.com", "password": "Summer of 2026 and all"}
            statuses.append((await here.browser(**headers).post("/api/sign-in", json=body)).status_code)
        assert statuses == [401] * 20 + [429] * 5


@pytest.mark.parametrize("header", HEADERS)
def test_who_is_no_proxy_is_who_he_is_whatever_he_says(header: ProxyHeader) -> None:
    lies = [(name, f"for={LIE}" if name == "forwarded" else LIE) for name in HEADERS]
    assert source(header, *lies, peer=SENDER) == SENDER
    assert NO_PROXIES.source(Request("GET", "/", ((b"x-forwarded-for", LIE.encode()),), PROXY)) == PROXY


@pytest.mark.parametrize(
    "network", ["0.0.0.0/0", "::/0", "0.0.0.0/1", "128.0.0.0/7", "2000::/3", "2000::/7", "2000::/15"]
)
def test_nobody_trusts_the_whole_world(network: str) -> None:
    with pytest.raises(ConfigError, match="strangers"):
        TrustedProxies.of(["127.0.0.1", network])


@pytest.mark.parametrize("header", HEADERS)
def test_of_the_headers_only_the_configured_one_is_read(header: ProxyHeader) -> None:
    lies = [(name, f"for={LIE}" if name == "forwarded" else LIE) for name in HEADERS if name != header]
    true = (header, f"for={SENDER}" if header == "forwarded" else SENDER)
    assert source(header, *lies, true) == SENDER
    assert source(header, *lies) == PROXY


def test_what_the_sender_wrote_before_the_proxies_wrote_does_not_count() -> None:
    assert source("x-forwarded-for", ("x-forwarded-for", f"{LIE}, {SENDER}, 10.0.0.2")) == SENDER
    assert source("x-forwarded-for", ("x-forwarded-for", LIE), ("x-forwarded-for", f"{SENDER}, 10.0.0.2")) == SENDER
    assert (
        source("forwarded", ("forwarded", f"for={LIE}, for={SENDER};proto=https;by=10.0.0.9, for=10.0.0.2")) == SENDER
    )
    assert source("x-forwarded-for", ("x-forwarded-for", "10.0.0.3, 10.0.0.2")) == "10.0.0.3"


@pytest.mark.parametrize(
    "line",
    [
        f'for="{LIE}, for={SENDER}',
        f'for={LIE};x=", for={SENDER}',
        f'for={LIE};by="\\", for={SENDER}',
        f"for={LIE};for={SENDER}",
        f"for={LIE} {SENDER}",
        f"for={LIE},",
        f",for={LIE}",
        f"by={LIE}",
        "for=unknown",
        "for=_hidden",
        'for="[2001:db8::1"',
        "for=[2001:db8::1]",
        'for="2001:db8::1%eth0"',
        "",
        ";",
        "for=",
        "=",
        f"for={LIE}\x00",
        '"' * 4_000,
        "for=a;" * 1_000,
    ],
)
def test_a_forwarded_header_that_cannot_be_read_tells_nothing(line: str) -> None:
    assert source("forwarded", ("forwarded", line)) == PROXY


@pytest.mark.parametrize(
    "line", ["", ",", f"{SENDER},", f"{SENDER} {LIE}", "localhost", "1.2.3", "0x7f.1", "1.2.3.4.5", "\xff"]
)
def test_a_chain_that_cannot_be_read_tells_nothing(line: str) -> None:
    assert source("x-forwarded-for", ("x-forwarded-for", f"{line}, 10.0.0.2")) == PROXY
    assert source("x-real-ip", ("x-real-ip", line)) == PROXY


def test_two_real_addresses_are_none() -> None:
    assert source("x-real-ip", ("x-real-ip", LIE), ("x-real-ip", SENDER)) == PROXY


@pytest.mark.parametrize(
    "spelled",
    [
        "203.0.113.7",
        " 203.0.113.7\t",
        "203.0.113.7:443",
        "::ffff:203.0.113.7",
        "::FFFF:cb00:7107",
        "[::ffff:203.0.113.7]:1",
    ],
)
def test_an_ipv4_address_is_one_however_it_is_spelled(spelled: str) -> None:
    assert source("x-forwarded-for", ("x-forwarded-for", spelled)) == SENDER
    assert source("x-real-ip", ("x-real-ip", spelled)) == SENDER
    assert source("forwarded", ("forwarded", f'For="{spelled}"')) == SENDER
    assert NO_PROXIES.source(Request("GET", "/", (), spelled)) == SENDER


@pytest.mark.parametrize(
    "spelled",
    [
        "2001:db8:0:1::1",
        "2001:DB8:0000:0001:0:0:0:1",
        "2001:db8::1:ffff:ffff:ffff:ffff",
        "[2001:db8:0:1::2]",
        "[2001:db8:0:1::3]:65535",
    ],
)
def test_a_64_of_ipv6_is_one_source(spelled: str) -> None:
    assert source("x-forwarded-for", ("x-forwarded-for", spelled)) == "2001:db8:0:1::/64"
    assert source("x-forwarded-for", ("x-forwarded-for", "2001:db8:0:2::1")) != "2001:db8:0:1::/64"


@pytest.mark.parametrize(
    "text",
    ["fe80::1%eth0", "[fe80::1%25eth0]", "010.0.0.1", "1.2.3.4%1", "[1.2.3.4]", "[::1", "::1]", "1.2.3.4:", "1.2.3.4:x", "1.2.3.4:-1",
     "1.2.3.4:123456", "[::1]x", "[::1]:", "1 .2.3.4", "１.2.3.4", "1.2.3.4/32", "0", "3405803783", "::1::", "\n1.2.3.4"],
)  # fmt: skip
def test_what_is_no_plain_address_is_none(text: str) -> None:
    assert address(text) is None


def test_a_proxy_is_known_in_every_spelling_too() -> None:
    for peer in ("10.0.0.1", "::ffff:10.0.0.1", "fd00::1"):
        assert source("x-forwarded-for", ("x-forwarded-for", SENDER), peer=peer) == SENDER
    for stranger in ("11.0.0.1", "::10.0.0.1", "fe80::1", "", None, "testclient"):
        assert source("x-forwarded-for", ("x-forwarded-for", SENDER), peer=stranger) != SENDER
    assert source_of(None) == "unknown"


@pytest.mark.parametrize("header", HEADERS)
@given(line=st.text(st.characters(max_codepoint=255)), peer=st.sampled_from([PROXY, SENDER, None, "x"]))
def test_any_text_gives_some_source(header: ProxyHeader, line: str, peer: str | None) -> None:
    assert source(header, (header, line), peer=peer)


def test_a_network_that_is_none_is_refused_in_words_that_help() -> None:
    with pytest.raises(ConfigError) as refused:
        TrustedProxies.of(["10.0.0.1/8", "nginx", "0.0.0.0/0/0"], "x-client-ip")  # type: ignore[arg-type]
    assert len(refused.value.faults) == 4
