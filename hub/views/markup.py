"""HTML as values: text is escaped unless it is markup already, so nothing a file says can become an element.

Rule kept: pages are self-contained, Romanian beside English, each in its own `lang`.
"""

from __future__ import annotations

from html import escape

from consent.names import Name


class Markup(str):
    """A string that is HTML; every other string is text."""

    __slots__ = ()


def element(name: str, *inner: str, **attributes: str) -> Markup:
    """An element. `class_` stands for `class`; an attribute that is empty is left out."""
    spelt = "".join(f' {key.rstrip("_")}="{escape(value)}"' for key, value in attributes.items() if value)
    return Markup(f"<{name}{spelt}>{together(*inner)}</{name}>")


def together(*parts: str) -> Markup:
    """Parts one after another; those that are text are escaped."""
    return Markup("".join(part if isinstance(part, Markup) else escape(part) for part in parts))


def both(name: Name, tag: str = "span") -> Markup:
    """A name in both languages, Romanian first."""
    romanian, english = (element(tag, text, lang=lang) for text, lang in ((name.ro, "ro"), (name.en, "en")))
    return together(romanian, " ", english)
