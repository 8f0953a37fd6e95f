"""Templates to text and HTML; people's words to HTML that can do nothing.

Words are only ever values: they are escaped, laid out as paragraphs, cleaned by nh3 (the barrier) and only then given
links by bleach. Nothing a person wrote is ever a template.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from m4dbot.resources import resource
from m4dbot.summary.paragraphs import paragraphs

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff\ufffe\uffff\ud800-\udfff]")
_LINK = re.compile(r"(?i)https?://|www\.|\b[a-z0-9-]{1,63}\.(?:org|com|net|int|edu|gov|[a-z]{2})\b")
_INVISIBLE_RUN = re.compile("[\u200b-\u200f\u2060-\u2064]{9,}")
_STRONG_DIRECTIONS = {"L": "ltr", "R": "rtl", "AL": "rtl"}


def plain(text: str) -> str:
    """People's words as text: no control characters, LF line ends, at most one empty line in a row."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n\n")
    text = _INVISIBLE_RUN.sub("", _CONTROLS.sub("", text))
    lines = [line.rstrip() for line in text.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")


def direction(text: str, otherwise: str = "ltr") -> str:
    """ "rtl" or "ltr", by the first letter that has a direction (as dir="auto" would, which mail programs drop)."""
    for c in text[:2000]:
        found = _STRONG_DIRECTIONS.get(unicodedata.bidirectional(c))
        if found:
            return found
    return otherwise


def words(text: str) -> Markup:
    """People's words as paragraphs and lists of safe HTML, addresses of the web made links."""
    import nh3
    from markupsafe import Markup, escape

    parts: list[str] = []
    for paragraph in paragraphs(plain(text)):
        opening = f'<p class="item">{escape(paragraph.marker)}&nbsp; ' if paragraph.marker else "<p>"
        parts.append(opening + "<br>".join(str(escape(line)) for line in paragraph.lines) + "</p>")
    clean = nh3.clean("\n".join(parts), tags={"p", "br"}, attributes={}, allowed_classes={"p": {"item"}})
    return Markup(_linked(clean) if _LINK.search(clean) else clean)  # noqa: S704  (escaped and cleaned just above)


def unwrapped(text: str) -> str:
    """People's words as text whose lines are paragraphs: what a mail program broke at a width is joined again."""
    parts: list[str] = []
    listing = False
    for paragraph in paragraphs(plain(text)):
        if parts and not (listing and paragraph.marker):
            parts.append("")
        listing = bool(paragraph.marker)
        first, *others = paragraph.lines
        parts += [f"{paragraph.marker} {first}" if listing else first, *others]
    return "\n".join(parts)


_DOCUMENT_TAGS = {
    *("a", "b", "blockquote", "br", "caption", "code", "dd", "div", "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5"),
    *("h6", "hr", "i", "li", "ol", "p", "pre", "small", "span", "strong", "sub", "sup", "table", "tbody", "td", "th"),
    *("thead", "tr", "u", "ul", "bdi", "section", "article", "header", "footer", "nav"),
}


def document(fragment: str) -> Markup:
    """A fragment of HTML made elsewhere in the house, through the barrier again: structure and links, no scripts,
    no remote pictures, no styles that could reach beyond it."""
    import nh3
    from markupsafe import Markup

    attributes = {
        "*": {"id", "class", "lang", "dir", "title"},
        "a": {"href"},
        "td": {"colspan", "rowspan", "width", "align"},
        "th": {"colspan", "rowspan", "scope", "align"},
        "ol": {"start"},
    }
    clean = nh3.clean(fragment, tags=_DOCUMENT_TAGS, attributes=attributes, url_schemes={"http", "https", "mailto"})
    return Markup(clean)  # noqa: S704  (cleaned just above)


def _linked(clean: str) -> str:
    from bleach.linkifier import Linker

    return str(_linker(Linker).linkify(clean))


@functools.cache
def _linker(linker: Any) -> Any:
    def safe(attributes: dict[Any, str], new: bool = False) -> dict[Any, str] | None:
        href = attributes.get((None, "href"), "")
        if not href.startswith(("http://", "https://")):
            return None
        attributes[(None, "rel")] = "nofollow noopener noreferrer"
        return attributes

    return linker(callbacks=[safe])


def mailto(address: str, subject: str = "", body: str = "") -> str:
    """A mailto address (RFC 6068) to be escaped like any other value."""
    fields = [f"{name}={quote(value, safe='')}" for name, value in (("subject", subject), ("body", body)) if value]
    # A slot's mark and the characters of our own addresses need no escaping here.
    return f"mailto:{quote(address, safe='@+')}" + ("?" + "&".join(fields) if fields else "")


@functools.cache
def environment() -> Environment:
    """The templates of the mails: `.html.j2` escape what they print, `.txt.j2` do not."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    env = Environment(
        loader=FileSystemLoader(resource("templates") / "mails"),
        autoescape=select_autoescape(enabled_extensions=("html.j2",), default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
        auto_reload=False,
    )
    env.filters["words"] = words
    env.filters["unwrapped"] = unwrapped
    env.filters["direction"] = direction
    env.globals["mailto"] = mailto
    return env


def render_html(kind: str, context: dict[str, Any]) -> str:
    """The HTML of a mail with its style rules written into the elements, as mail programs need it."""
    return str(_inliner().inline(environment().get_template(f"{kind}.html.j2").render(context)))


def render_text(kind: str, context: dict[str, Any]) -> str:
    """The text of a mail: each line a paragraph, at most one empty line in a row, one LF at the end."""
    rendered = environment().get_template(f"{kind}.txt.j2").render(context)
    lines = [line if line == "-- " else line.rstrip() for line in rendered.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n") + "\n"


@functools.cache
def _inliner() -> Any:
    from css_inline import CSSInliner

    # Nothing is fetched; rules for phones and dark screens stay in the head.
    return CSSInliner(load_remote_stylesheets=False, keep_at_rules=True, minify_css=True)
