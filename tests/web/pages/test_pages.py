"""The pages over HTTP: where they lead, what they say, and what they keep."""

from __future__ import annotations

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from admit.errors import StoreUnavailable
from admit.stores.memory import MemoryStore
from admit.web import Brand, application
from doors import ANN, BOB, COOKIE, NEW_PASSWORD, Door, authority
from web.pages.html import Page
from web.pages.people import AT_A_BROWSER, OPENED, people
from worlds import Watched


@pytest.mark.parametrize("path", OPENED)
async def test_every_field_has_a_label_and_every_page_a_heading(path: str) -> None:
    async with people() as here:
        browser = await (here.signed_in() if OPENED[path] else here.ready())
        page = Page((await browser.get(path)).text)
    assert len(page.all("h1")) == len(page.all("main")) == 1
    assert page.one("html").attributes["lang"] == "en"
    labels = {label.attributes["for"] for label in page.all("label")}
    for field in page.all("input"):
        kind = field.attributes["type"]
        assert kind == "hidden" or "aria-hidden" in field.attributes or field.attributes["id"] in labels
    ids = [element.attributes["id"] for element in page.elements if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    for element in page.elements:
        for name in ("aria-describedby", "aria-labelledby"):
            assert set(element.attributes.get(name, "").split()) <= set(ids)


async def test_who_signs_up_is_signed_in_and_goes_on() -> None:
    async with people() as here:
        browser = here.browser()
        form = {**BOB, "password_again": BOB["password"], "next": "/links?page=2"}
        answer = await browser.post("/sign-up", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/links?page=2")
        page = Page((await browser.get("/account")).text)
    assert BOB["email"] in page.text
    assert "Firefox on Linux This device" in page.text
    assert "Signed in just now" in page.text
    assert page.all("time")


@pytest.mark.parametrize(
    "form, status, said, field",
    [
        ({}, 422, "Enter your e-mail address.", "email"),
        ({"email": "ann@example.com"}, 422, "Enter your password.", "password"),
        (ANN | {"password": "not this one"}, 401, "The e-mail address or the password is not right.", None),
        (BOB, 401, "The e-mail address or the password is not right.", None),
        (ANN | {"email": "nobody"}, 422, "This is not an e-mail address that can be used here.", "email"),
    ],
    ids=["empty", "no password", "wrong", "unknown", "no address"],
)
async def test_a_form_that_is_refused_keeps_all_but_the_password(
    form: dict[str, str], status: int, said: str, field: str | None
) -> None:
    async with people() as here:
        answer = await here.browser().post("/sign-in", data=form | {"next": "/links"})
    assert answer.status_code == status
    page = Page(answer.text)
    assert page.one("input", name="email").attributes["value"] == form.get("email", "")
    assert page.one("input", name="next").attributes["value"] == "/links"
    assert "value" not in page.one("input", name="password").attributes
    assert page.one("title").text.startswith("Error: ")
    message = page.one("div", role="alert")
    assert said in message.text
    assert "autofocus" in message.attributes
    if field is not None:
        assert page.one("input", name=field).attributes["aria-invalid"] == "true"
        assert page.one("input", name=field).attributes["aria-describedby"].split()[0] == f"{field}-error"


async def test_all_that_is_wrong_with_a_form_is_said_at_once_each_at_its_field() -> None:
    async with people() as here:
        form = {"email": "nobody", "password": "short", "password_again": "other"}
        page = Page((answer := await here.browser().post("/sign-up", data=form)).text)
        assert answer.status_code == 422
        assert faults_of(page) == ["email", "password", "password_again"]
        browser = await here.signed_in()
        form = {"current_password": ANN["password"], "new_password": "short", "password_again": "other"}
        page = Page((answer := await browser.post("/account/password", data=form)).text)
        assert answer.status_code == 422
        assert faults_of(page) == ["new_password", "password_again"]


def faults_of(page: Page) -> list[str]:
    """The fields that the summary leads to, each of which says itself what is wrong with it."""
    summary = page.one("div", role="alert")
    assert summary.attributes["tabindex"] == "-1"
    assert "autofocus" in summary.attributes
    links = [link.attributes["href"] for link in page.all("a")]
    fields = [link[1:] for link in links if link.startswith("#") and link != "#main"]
    for field in fields:
        said = page.one("p", id=f"{field}-error").text
        assert said in summary.text
        assert page.one("input", name=field).attributes["aria-invalid"] == "true"
        assert f"{field}-error" in page.one("input", name=field).attributes["aria-describedby"].split()
    assert len(page.all("input", **{"aria-invalid": "true"})) == len(fields)
    return fields


async def test_an_address_in_a_new_password_is_found_whatever_else_is_wrong() -> None:
    async with people() as here:
        form = {"email": "carol@example.com", "password": "carol@example.com", "password_again": "carol"}
        page = Page((await here.browser().post("/sign-up", data=form)).text)
        assert faults_of(page) == ["password", "password_again"]
        assert "a name or an address" in page.one("p", id="password-error").text


async def test_who_is_signed_in_is_led_on_by_the_pages_to_sign_in_and_up() -> None:
    async with people() as here:
        browser = await here.signed_in()
        for path in ("/sign-in", "/sign-up"):
            answer = await browser.get(path, params={"next": "/links"})
            assert (answer.status_code, answer.headers["location"]) == (303, "/links")


async def test_a_new_password_is_typed_twice_the_same() -> None:
    async with people() as here:
        answer = await here.browser().post("/sign-up", data={**BOB, "password_again": "another"})
        assert answer.status_code == 422
        assert "not the same" in Page(answer.text).one("div", role="alert").text
        assert await here.door.auth.accounts.by_email(BOB["email"]) is None


async def test_where_sign_up_is_closed_no_page_leads_there() -> None:
    async with authority(sign_up="closed") as auth:
        browser = Door(auth, application(auth), auth.issuer).browser(**AT_A_BROWSER)
        assert "/sign-up" not in (await browser.get("/sign-in")).text
        assert "/sign-up" not in (await browser.post("/sign-in", data=ANN)).text
        answer = await browser.get("/sign-up")
        assert answer.status_code == 403
        assert "Ask them for one." in Page(answer.text).text


async def test_a_taken_address_is_said_at_its_field() -> None:
    async with people() as here:
        answer = await here.browser().post("/sign-up", data={**ANN, "password_again": ANN["password"]})
    assert answer.status_code == 409
    assert Page(answer.text).one("p", id="email-error").text


async def test_a_page_that_needs_a_sign_in_is_come_back_to() -> None:
    async with people() as here:
        browser = here.browser()
        answer = await browser.get("/account/password?x=1")
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/account/password%3Fx%3D1")
        page = Page((await browser.get(answer.headers["location"])).text)
        form = ANN | {"next": page.one("input", name="next").attributes["value"]}
        answer = await browser.post("/sign-in", data=form)
        assert answer.headers["location"] == "/account/password?x=1"
        assert (await browser.get("/sign-in")).headers["location"] == "/account"


async def test_a_program_is_answered_as_programs_are() -> None:
    async with people() as here:
        answer = await here.door.browser().get("/account")
        assert (answer.status_code, answer.json()["code"]) == (401, "no_credential")
        answer = await here.browser().get("/api/me")
        assert (answer.status_code, answer.json()["code"]) == (401, "no_credential")


async def test_devices_are_listed_and_ended() -> None:
    async with people() as here:
        phone = await here.signed_in(agent="Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) Version/18.0 Safari/604")
        here.clock.passes(200)
        browser = await here.signed_in()
        page = Page((await browser.get("/account")).text)
        assert "Safari on iOS Signed in 3 minutes ago" in page.text
        device = page.one("input", name="device").attributes["value"]
        answer = await browser.post("/account/sign-out-device", data={"device": device})
        assert answer.headers["location"] == "/account?done=device"
        assert "That device is signed out." in Page((await browser.get("/account?done=device")).text).text
        assert (await phone.get("/account")).headers["location"] == "/sign-in"


async def test_somebody_elses_device_is_no_device() -> None:
    async with people() as here:
        assert (await here.door.browser().post("/api/sign-up", json=BOB)).status_code == 201
        bob = await here.signed_in(BOB)
        ann = await here.signed_in()
        [session] = (await bob.get("/api/sessions")).json()["sessions"]
        answer = await ann.post("/account/sign-out-device", data={"device": session["id"]})
        assert answer.status_code == 404
        assert (await bob.get("/account")).status_code == 200


async def test_a_password_is_changed_and_all_other_devices_end() -> None:
    async with people() as here:
        browser, other = await here.signed_in(), await here.signed_in()
        form = {"current_password": "not this one", "new_password": NEW_PASSWORD, "password_again": NEW_PASSWORD}
        answer = await browser.post("/account/password", data=form)
        assert answer.status_code == 422
        assert "not your present password" in Page(answer.text).one("p", id="current_password-error").text
        answer = await browser.post("/account/password", data=form | {"current_password": ANN["password"]})
        assert answer.headers["location"] == "/account?done=password"
        assert (await browser.get("/account")).status_code == 200
        assert (await other.get("/account")).status_code == 303


async def test_our_words_are_shown_to_who_comes_from_our_page_only() -> None:
    async with people() as here:
        browser = await here.signed_in()
        for site, told in (("same-origin", True), ("none", False), ("cross-site", False), ("same-site", False)):
            page = await browser.get("/account?done=password", headers={"Sec-Fetch-Site": site})
            assert ("Your password is changed." in page.text) is told


@pytest.mark.parametrize(
    "method, path, status",
    [
        ("GET", "/nothing", 404),
        ("GET", "/account/x.css", 404),
        ("POST", "/account", 405),
        ("GET", "/static/x.css", 404),
    ],
)
async def test_a_refusal_is_a_page_in_the_same_design(method: str, path: str, status: int) -> None:
    async with people() as here:
        browser = await here.signed_in()
        answer = await browser.request(method, path)
    assert answer.status_code == status
    page = Page(answer.text)
    assert len(page.all("link", rel="stylesheet")) == 1
    assert str(status) in page.text
    assert ANN["email"] not in page.text


async def test_a_refusal_leads_to_where_who_meets_it_can_go_on() -> None:
    async with people(brand=Brand(name="Links", home="https://links.example.com/")) as here:
        ann, stranger = await here.signed_in(), here.browser()
        home = ("Go to Links", "https://links.example.com/")
        assert ways(await stranger.get("/nothing")) == [("Sign in", "/sign-in"), home]
        assert ways(await ann.get("/nothing")) == [("Go to your account", "/account"), home]
        assert ways(await ann.post("/account", data={})) == [("Go to your account", "/account"), home]
        assert Page((await ann.get("/nothing")).text).one("a", **{"class": "brand"}).attributes["href"] == home[1]
        # Without an account of ours the account page is no help: it is what refuses.
        proof = (await here.door.auth.subjects.before("elsewhere")).proven("pwd")
        other = here.browser(Cookie=((await here.door.auth.sessions.start(proof)).cookie or "").partition(";")[0])
        assert ways(await other.get("/account")) == [("Sign in as somebody else", "/sign-out"), home]


def ways(answer: httpx.Response) -> list[tuple[str, str]]:
    """What the links of a page that refuses say, and where they lead."""
    assert answer.status_code >= 400
    links = [link for link in Page(answer.text).all("a") if link.attributes["class"].startswith("button")]
    return [(link.text, link.attributes["href"]) for link in links]


async def test_a_store_that_is_down_is_a_page_that_says_when_to_come_again() -> None:
    store = Watched(MemoryStore())

    async def down() -> None:
        raise StoreUnavailable("gone")

    async with people(store=store) as here:
        cookie = (await here.signed_in()).cookies[COOKIE]
        store.before["get"] = down
        browser = here.browser(Cookie=f"{COOKIE}={cookie}")
        answer = await browser.get("/account/password?x=1")
        assert ways(answer) == [("Try again", "/account/password?x=1"), ("Go to your account", "/account")]
        # A link sends no form once more.
        assert ways(await browser.post("/confirm", data=ANN))[0] == ("Go to your account", "/account")
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert Page(answer.text).one("h1").text == "Not available at the moment"


async def test_too_many_tries_say_how_long_to_wait() -> None:
    async with people() as here:
        browser = here.browser()
        tries = [await browser.post("/sign-in", data=ANN | {"password": "not this one"}) for _ in range(10)]
    answer = tries[-1]
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    assert "Too many tries. Wait " in Page(answer.text).one("div", role="alert").text


async def test_the_style_sheet_may_be_kept_for_ever_and_its_name_changes_with_it() -> None:
    async with people() as here:
        browser = here.browser()
        page = Page((await browser.get("/sign-in")).text)
        css = await browser.get(page.one("link", rel="stylesheet").attributes["href"])
        logo = await browser.get(page.one("img").attributes["src"])
    assert css.headers["content-type"].startswith("text/css")
    assert logo.headers["content-type"] == "image/svg+xml"
    for asset in (css, logo):
        assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert "set-cookie" not in asset.headers


@pytest.mark.parametrize("mounted", [True, False])
async def test_below_a_path_every_link_stays_below_it(mounted: bool) -> None:
    auth = authority(issuer="https://app.example.com/auth")
    app = Starlette(routes=[Mount("/auth", application(auth))]) if mounted else application(auth, at="/auth")
    async with auth:
        await auth.accounts.create(ANN["email"], ANN["password"])
        browser = Door(auth, app, "https://app.example.com").browser(**AT_A_BROWSER)
        assert (await browser.get("/auth/account")).headers["location"] == "/auth/sign-in"
        page = Page((await browser.get("/auth/sign-in")).text)
        links = [found.attributes[name] for found in page.elements for name in ("href", "src", "action")
                 if name in found.attributes]  # fmt: skip
        assert len(links) >= 5
        assert all(link.startswith(("/auth/", "#")) for link in links)
        css = page.one("link", rel="stylesheet").attributes["href"]
        assert (await browser.get(css)).status_code == 200
        assert (await browser.post("/auth/sign-in", data=ANN)).headers["location"] == "/auth/account"
        assert (await browser.post("/auth/api/sign-in", data=ANN)).status_code == 415
        assert (await browser.post("/auth/sign-in", json=ANN)).status_code == 415
