"""Colours that can be read: a brand's colour, moved as little as contrast asks for."""

from __future__ import annotations

import re

Colour = tuple[int, int, int]

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)
LEGIBLE = 4.5
"""The contrast of text with what is behind it, at least (WCAG 2.2, 1.4.3)."""

_STEPS = 100


def colour(text: str) -> Colour:
    """The colour written as ``#rrggbb``. Raises ValueError with words that say what to write."""
    if not re.fullmatch(r"#[0-9A-Fa-f]{6}", text):
        raise ValueError(f"{text!r} is not a colour; write it as #rrggbb, such as #2457c5")
    red, green, blue = bytes.fromhex(text[1:])
    return red, green, blue


def written(colour: Colour) -> str:
    """``colour`` as style sheets write it."""
    return f"#{bytes(colour).hex()}"


def legible(colour: Colour, behind: Colour) -> Colour:
    """``colour``, or the nearest shade or tint of it that can be read on ``behind``."""
    towards = on(behind)
    mixed = (_mixed(colour, towards, step / _STEPS) for step in range(_STEPS + 1))
    return next(found for found in mixed if contrast(found, behind) >= LEGIBLE)


def on(behind: Colour) -> Colour:
    """White or black, whichever can be read better on ``behind``; one of them always can."""
    return max(WHITE, BLACK, key=lambda ink: contrast(ink, behind))


def contrast(one: Colour, other: Colour) -> float:
    """The contrast ratio of two colours, 1 to 21 (WCAG 2.2, "contrast ratio")."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _mixed(colour: Colour, towards: Colour, part: float) -> Colour:
    red, green, blue = (round(own + (goal - own) * part) for own, goal in zip(colour, towards, strict=True))
    return red, green, blue


def _luminance(colour: Colour) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in (own / 255 for own in colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
