"""The pages as somebody's own: name, logo, colour, templates; and what cannot be one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admit.errors import ConfigError
from admit.web import Brand, application
from admit.web.pages import colour
from admit.web.pages.look import _DARK, _LIGHT
from doors import Door, authority
from web.pages.html import Page
from web.pages.people import AT_A_BROWSER

COLOURS = st.tuples(*[st.integers(0, 255)] * 3)


async def page_of(brand: Brand, path: str = "/sign-in") -> tuple[Page, dict[str, bytes]]:
    """The page at ``path``, and the files that it names."""
    auth = authority()
    async with auth:
        browser = Door(auth, application(auth, brand=brand), auth.issuer).browser(**AT_A_BROWSER)
        page = Page((await browser.get(path)).text)
        links = [page.one("link", rel="stylesheet").attributes["href"], page.one("img").attributes["src"]]
        return page, {link: (await browser.get(link)).content for link in links}


async def test_name_logo_and_colour_are_on_every_page(tmp_path: Path) -> None:
    logo = tmp_path / "ours.PNG"
    logo.write_bytes(b"\x89PNG and so on")
    page, files = await page_of(Brand(name="<Links>", logo=logo, colour="#0a5c36"), "/nothing")
    assert page.one("a", **{"class": "brand"}).text.strip() == "<Links>"
    assert page.one("title").text.endswith("· <Links>")
    css, picture = files.values()
    assert picture == logo.read_bytes()
    assert css.startswith(b":root { --accent: #0a5c36; --on-accent: #ffffff; }")


async def test_a_template_of_ones_own_takes_the_place_of_ours_and_may_extend_it(tmp_path: Path) -> None:
    (tmp_path / "sign_in.html").write_text(
        '{% extends "admit/sign_in.html" %}{% block main %}<p id="news">{{ name }}: closed on Sunday</p>{{ super() }}{% endblock %}'
    )
    page, _ = await page_of(Brand(name="A & B", templates=tmp_path))
    assert page.one("p", id="news").text == "A & B: closed on Sunday"
    assert len(page.all("input", name="password")) == 1


async def test_an_application_shows_templates_as_they_are_when_it_is_made(tmp_path: Path) -> None:
    for news in ("closed on Sunday", "open on Sunday"):
        (tmp_path / "sign_in.html").write_text(
            f'{{% extends "admit/sign_in.html" %}}{{% block main %}}<p id="news">{news}</p>{{% endblock %}}'
        )
        page, _ = await page_of(Brand(templates=tmp_path))
        assert page.one("p", id="news").text == news


@pytest.mark.parametrize("home", ["/", "/app?x=1", "https://links.example.com/", "http://127.0.0.1:8000/"])
async def test_the_name_leads_home_and_without_one_to_the_account(home: str) -> None:
    for brand, leads in ((Brand(home=home), home), (Brand(), "/account")):
        page, _ = await page_of(brand)
        assert page.one("a", **{"class": "brand"}).attributes["href"] == leads


@given(COLOURS)
def test_any_colour_can_be_read_in_both_themes(own: tuple[int, int, int]) -> None:
    for behind in (_LIGHT, _DARK):
        accent = colour.legible(own, behind)
        assert colour.contrast(accent, behind) >= colour.LEGIBLE
        assert colour.contrast(colour.on(accent), accent) >= colour.LEGIBLE
        if colour.contrast(own, behind) >= colour.LEGIBLE:
            assert accent == own


def test_all_that_is_wrong_with_a_brand_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "logo.exe").touch()
    with pytest.raises(ConfigError) as caught:
        Brand(name=" ", logo=tmp_path / "logo.exe", colour="red", templates=tmp_path / "nowhere")
    assert len(caught.value.faults) == 4


@pytest.mark.parametrize("text", ["#12345", "#1234567", "2457c5", "red", "#2457c5; } body { display: none", ""])
def test_a_colour_is_six_digits(text: str) -> None:
    with pytest.raises(ConfigError):
        Brand(colour=text)


@pytest.mark.parametrize(
    "home", ["", "app", "//evil.test", "javascript:alert(1)", "http://links.example.com/", "https://a@b/", "ftp://a/"]
)
def test_a_home_is_a_path_or_an_https_url(home: str) -> None:
    with pytest.raises(ConfigError):
        Brand(home=home)


def test_a_logo_is_a_small_file_that_is_there(tmp_path: Path) -> None:
    large = tmp_path / "logo.png"
    large.write_bytes(bytes(300_000))
    for logo in (large, tmp_path / "none.svg", tmp_path):
        with pytest.raises(ConfigError):
            Brand(logo=logo)


def test_a_template_that_cannot_be_read_is_told_before_the_first_request(tmp_path: Path) -> None:
    (tmp_path / "error.html").write_text("{% if %}")
    with pytest.raises(ConfigError, match=r"error\.html, line 1"):
        application(authority(), brand=Brand(templates=tmp_path))
