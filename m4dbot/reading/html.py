"""HTML mail laid out as lines that know whether they are quoted.

Programs mark in the structure what they quote, so the structure is read before it is flattened; and the
text keeps its paragraphs, lists, tables and links. One walk without recursion over the parsed tree, and
a bounded one: what lies beyond the bounds is taken as plain text of the last line's kind.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from m4dbot.reading.quotes import MOST_LINES, Hint, Line

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

MOST_CHARACTERS = 200_000  # of the body
_MOST_NODES = 8_000
_MOST_TABLES = 100
_MOST_DEPTH = 250
_TAGS_WORTH_COUNTING = 2_000

_SKIPPED = frozenset(
    {"script", "style", "head", "title", "meta", "link", "template", "object", "svg", "noframes", "select", "textarea"}
)
_VOID_OF_TEXT = frozenset({"img", "input", "wbr", "col", "colgroup", "base", "area", "source", "embed", "iframe"})
_BLOCK = frozenset(
    {"div", "body", "html", "section", "article", "header", "footer", "main", "aside", "nav", "center", "form",
     "fieldset", "address", "tr", "tbody", "thead", "tfoot", "li", "dt", "dd", "caption", "figure", "figcaption",
     "p", "blockquote", "ul", "ol", "dl", "table", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "td", "th"}
)  # fmt: skip
_SPACED = frozenset({"p", "blockquote", "ul", "ol", "dl", "table", "pre", "h1", "h2", "h3", "h4", "h5", "h6"})

_SPACES = re.compile(r"[ \t\n\r\f]+")
_HIDDEN = re.compile(
    r"display\s{0,3}:\s{0,3}none|visibility\s{0,3}:\s{0,3}hidden|mso-hide\s{0,3}:\s{0,3}all", re.IGNORECASE
)
_NO_MARGIN = re.compile(
    r"margin(?:-top|-bottom)?\s{0,3}:\s{0,3}0(?:\.0\d{0,4})?(?:in|cm|pt|px)?\s{0,3}(?:;|\Z|0)", re.IGNORECASE
)
_BORDER_TOP = re.compile(r"border-top\s{0,3}:\s{0,3}(?!none|0)|border-top-style\s{0,3}:\s{0,3}solid", re.IGNORECASE)
_NO_BORDER = re.compile(
    r"border\s{0,3}:\s{0,3}(?:none|0|medium none)|border-(?:left|width)\s{0,3}:\s{0,3}(?:none|0)", re.IGNORECASE
)
_INDENT = re.compile(
    r"margin\s{0,3}:\s{0,3}0(?:px)?\s0(?:px)?\s0(?:px)?\s40px|margin-left\s{0,3}:\s{0,3}\d\d?px", re.IGNORECASE
)

# Programs that rewrite a mail they show or quote put their own letters before every class and id.
_REWRITTEN = re.compile(r"(?:x_|ecx|yiv\d{4,}|ydp[0-9a-f]{6,}|m_-?\d{6,})+", re.IGNORECASE)

_QUOTE = frozenset(
    {"yahoo_quoted", "messagereplysection", "quoted-content", "tutanota_quote", "missive_quote", "front-blockquote",
     "mailru-blockquote", "hs_reply", "bloop_original_html", "email_quote"}
)  # fmt: skip
_ATTRIBUTION = frozenset({"moz-cite-prefix", "gmail_attr", "reply-intro", "airmail_on", "outlookmessageheader"})
_SIGNATURE = frozenset(
    {"gmail_signature", "gmail_signature_prefix", "moz-signature", "applemailsignature", "signature",
     "ms-outlook-mobile-signature", "protonmail_signature_block", "messagesignaturesection", "hs_signature",
     "composer_signature", "bloop_sign", "tutanota_signature"}
)  # fmt: skip
_REST = frozenset(
    {"divrplyfwdmsg", "mail-editor-reference-message-container", "olk_src_body_section", "stopspelling", "zwchr",
     "isreplycontent", "isforwardcontent", "moz-forward-container", "_originalcontent"}
)  # fmt: skip


@dataclass(slots=True)
class _Place:
    """Where in the structure the walk is."""

    depth: int = 0
    hint: Hint | None = None
    pre: bool = False
    indent: int = 0
    number: list[int] | None = None  # of an ordered list's next item; None in other lists
    in_list: bool = False
    link: str = ""
    colour: str = ""
    doubtful: int = 0  # of `depth`, blockquotes that say nothing of themselves


@dataclass(slots=True)
class _Table:
    rows: list[list[str]] = field(default_factory=list)
    cell: list[str] | None = None


def html_lines(html: str) -> tuple[list[Line], str]:
    """(lines, the rest): the text of HTML as lines; the rest is text beyond the bounds, not laid out."""
    from selectolax.lexbor import LexborHTMLParser

    head_end = _HEAD_END.search(html) if _HEAD.match(html) else None
    begin = head_end.start() if head_end else 0
    head, tail = html[begin : begin + MOST_CHARACTERS], html[begin + MOST_CHARACTERS :]
    tree = LexborHTMLParser(_shallow(head))
    layout = _Layout()
    root = tree.root
    if root is not None:
        layout.walk(root)
    rest = layout.beyond
    if tail:
        rest.append(_without_tags(tail))
    return layout.finish(), "\n".join(rest)


# Nothing is read there, and Word puts a hundred kilobytes of styles into it.
_HEAD = re.compile(r"\s{0,99}(?:<!doctype[^<>]{0,999}>\s{0,99})?(?:<html[^<>]{0,999}>\s{0,99})?<head\b", re.IGNORECASE)
_HEAD_END = re.compile(r"</head\b", re.IGNORECASE)
# Not those that close themselves, or that only stand inside one that is counted.
_NESTING_TAG = re.compile(
    r"<(/?)(?!(?:br|hr|img|input|meta|link|wbr|col|base|area|source|embed|p|li|td|th|tr|dt|dd|option|body|html|head)\b)"
    r"[a-z][^<>]{0,4000}>",
    re.IGNORECASE,
)


def _shallow(html: str) -> str:
    """HTML without the tags that lie too deep: a parser's time grows with the square of the depth."""
    if html.count("<") < _TAGS_WORTH_COUNTING:
        return html
    depth = 0

    def keep(match: re.Match[str]) -> str:
        nonlocal depth
        if match[1]:
            depth = max(0, depth - 1)
            return match[0] if depth < _MOST_DEPTH else "\n"
        depth += 1
        return match[0] if depth <= _MOST_DEPTH else "\n"

    return _NESTING_TAG.sub(keep, html)


_ANY_TAG = re.compile(r"<[^<>]{0,4000}>")


def _without_tags(html: str) -> str:
    from html import unescape

    return unescape(_ANY_TAG.sub(" ", html))


def _names(attributes: dict[str, str | None]) -> list[str]:
    names = []
    for key in ("class", "id", "name", "data-smartmail", "data-marker"):
        value = attributes.get(key)
        if value:
            for word in value[:300].split():
                name = _REWRITTEN.sub("", word, count=1) if len(word) > 2 else word
                names.append(name.casefold())
    return names


class _Layout:
    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.beyond: list[str] = []
        self.quotes_certain = False
        self._doubtful: list[tuple[Line, int]] = []
        self._buffer: list[str] = []
        self._place = _Place()
        self._line_place = self._place
        self._wanted_blank = False
        self._rest_next = False
        self._rule_next = False
        self._table: _Table | None = None
        self._tables = 0

    # -- the walk

    def walk(self, root: LexborNode) -> None:
        # (node, None) enters a node; (None, place, tag) leaves one.
        stack: list[tuple[LexborNode | None, _Place, str]] = [(root, self._place, "")]
        nodes = 0
        while stack:
            node, place, leaving = stack.pop()
            if node is None:
                self._leave(leaving)
                self._place = place
                continue
            following = node.next
            if following is not None and node is not root:
                stack.append((following, place, ""))
            nodes += 1
            if nodes > _MOST_NODES or len(self.lines) > MOST_LINES:
                self._take_beyond(stack, node)
                return
            self._place = place
            tag = node.tag or ""
            if tag == "-text":
                self._text(node.text_content or "")
                continue
            if tag in _SKIPPED or tag in _VOID_OF_TEXT or tag.startswith(("-", "!")):
                continue
            if tag == "br":
                self._break()
                continue
            inner = self._enter(node, tag, place)
            if inner is None:
                continue
            child = node.child
            stack.append((None, place, tag))
            if child is not None:
                stack.append((child, inner, ""))
            self._place = inner

    def _take_beyond(self, stack: list[tuple[LexborNode | None, _Place, str]], node: LexborNode) -> None:
        self._flush()
        self.beyond.append(node.text(separator="\n"))
        for other, _, _ in reversed(stack):
            if other is not None:
                self.beyond.append(other.text(separator="\n"))
                sibling = other.next
                while sibling is not None:
                    self.beyond.append(sibling.text(separator="\n"))
                    sibling = sibling.next

    # -- entering and leaving elements

    def _enter(self, node: LexborNode, tag: str, place: _Place) -> _Place | None:
        attributes = node.attributes
        style = attributes.get("style") or ""
        if "hidden" in attributes or (style and len(style) < 2_000 and _HIDDEN.search(style)):
            return None
        inner = place
        names = _names(attributes) if attributes else []
        if tag == "blockquote":
            if not _is_indent(style, names):
                certain = bool(names) or bool(style) or "cite" in attributes or "type" in attributes
                self.quotes_certain = self.quotes_certain or (certain and (bool(names) or not style))
                inner = replace(inner, depth=inner.depth + 1, hint=None, doubtful=inner.doubtful + (not certain))
        elif names:
            inner = self._marked(names, attributes, inner)
        if "data-signatureblock" in attributes and not inner.depth:
            inner = replace(inner, hint=Hint.SIGNATURE)
        if tag != "a" and (style or tag == "font"):
            inner = _coloured(inner, style, attributes.get("color") or "")
        if tag in _BLOCK:
            self._flush_block(tag, style, names)
            if _BORDER_TOP.search(style[:2_000]) if style else False:
                self._rule_next = True
        if tag == "hr":
            self._flush()
            self._place = inner
            self._push("_" * 32)
            return None
        if tag == "li":
            inner = replace(inner, in_list=True)
            self._place = inner
            self._item(inner)
        elif tag in ("ul", "ol"):
            indent = place.indent + 2 if place.in_list else place.indent
            start = (attributes.get("start") or "1") if tag == "ol" else ""
            inner = replace(
                inner,
                indent=indent,
                number=[int(start) if start.isdecimal() and len(start) < 6 else 1] if tag == "ol" else None,
            )
        elif tag == "pre":
            inner = replace(inner, pre=True)
        elif tag == "a":
            inner = replace(inner, link=attributes.get("href") or "")
        elif tag == "table":
            self._tables += 1
            if self._table is None and self._tables <= _MOST_TABLES and _is_data(node):
                self._table = _Table()
        elif tag in ("td", "th"):
            if self._table is not None:
                self._table.cell = []
        elif tag == "tr" and self._table is not None:
            self._table.rows.append([])
        return inner

    def _marked(self, names: list[str], attributes: dict[str, str | None], inner: _Place) -> _Place:
        for name in names:
            if name in _REST:
                self._flush()
                self._rest_next = True
                return inner
            if name in _ATTRIBUTION:
                self._flush()
                return inner if inner.depth else replace(inner, hint=Hint.ATTRIBUTION)
            if name in _SIGNATURE:
                self._flush()
                return inner if inner.depth else replace(inner, hint=Hint.SIGNATURE)
            if name in _QUOTE or (name == "quote" and attributes.get("name") == "quote"):
                self._flush()
                self.quotes_certain = True
                return replace(inner, depth=inner.depth + 1, hint=None)
        return inner

    def _leave(self, tag: str) -> None:
        if tag == "a":
            self._close_link()
        elif tag in ("td", "th") and self._table is not None and self._table.cell is not None:
            text = _SPACES.sub(" ", "".join(self._table.cell).replace("\xa0", " ")).strip()
            if self._table.rows:
                self._table.rows[-1].append(text)
            self._table.cell = None
        elif tag == "table" and self._table is not None:
            table, self._table = self._table, None
            for line in _aligned(table.rows):
                self._push(line)
        if tag in _BLOCK:
            self._flush()
            if tag in _SPACED:
                self._wanted_blank = self._wanted_blank or self._spaced
        if tag in ("td", "th") and self._table is None:
            self._flush()

    # -- text

    @property
    def _sink(self) -> list[str]:
        return self._table.cell if self._table is not None and self._table.cell is not None else self._buffer

    def _text(self, text: str) -> None:
        sink = self._sink
        if self._place.pre and sink is self._buffer:
            # One more than are laid out, for the walk to end by.
            room = max(0, MOST_LINES + 1 - len(self.lines))
            first, *others = text.split("\n", room + 1)
            left_over = others.pop() if len(others) > room else ""
            self._append(first)
            for other in others:
                self._break()
                self._append(other)
            if left_over:
                self._flush()
                self.beyond.append(left_over)
            return
        text = _SPACES.sub(" ", text)
        if not text or (text == " " and not sink):
            return
        self._append(text)

    def _append(self, text: str) -> None:
        sink = self._sink
        if sink is self._buffer and not sink:
            text = text if self._place.pre else text.lstrip(" ")
            if not text:
                return
            self._line_place = self._place
        sink.append(text)

    def _close_link(self) -> None:
        link = self._place.link
        if self._place.depth or not link.startswith(("http://", "https://")) or len(link) > 500:
            return
        sink = self._sink
        shown = "".join(sink[-8:])[-600:]
        bare = link.split("://", 1)[1].rstrip("/")
        if bare.removeprefix("www.") not in shown and "".join(shown.split()):
            sink.append(f" <{link}>")

    def _item(self, place: _Place) -> None:
        if self._sink is not self._buffer:
            return
        mark = "* "
        if place.number is not None:
            mark = f"{place.number[0]}. "
            place.number[0] += 1
        self._line_place = place
        self._buffer.append(" " * min(place.indent, 40) + mark)

    def _break(self) -> None:
        if self._sink is not self._buffer:
            self._sink.append(" ")
            return
        if self._buffer:
            self._flush()
        else:
            self._push("")

    def _flush_block(self, tag: str, style: str, names: list[str]) -> None:
        if self._sink is not self._buffer:
            self._sink.append(" ")
            return
        if (
            tag == "p"
            and self._buffer
            and len(self._buffer) == 1
            and self._place.in_list
            and self._buffer[0].lstrip().endswith((". ", "* "))
        ):
            return
        self._flush()
        self._spaced = tag in _SPACED and not (
            tag == "p" and (any(n.startswith("mso") for n in names) or (style and _NO_MARGIN.search(style[:2_000])))
        )
        if self._spaced:
            self._wanted_blank = True

    _spaced = True

    def _flush(self) -> None:
        if self._buffer:
            text = "".join(self._buffer)
            self._buffer = []
            self._push(text, self._line_place)

    def _push(self, text: str, place: _Place | None = None) -> None:
        place = place or self._place
        text = text.replace("\xa0", " ").rstrip()
        hint = place.hint
        if text:
            if self._wanted_blank and self.lines and self.lines[-1].text:
                self.lines.append(Line("", min(place.depth, self.lines[-1].depth)))
            self._wanted_blank = False
            if self._rest_next:
                hint, self._rest_next = Hint.REST, False
            elif self._rule_next and hint is None:
                hint = Hint.RULE
            self._rule_next = False
        self.lines.append(Line(text, place.depth, hint, place.colour if text else ""))
        if place.doubtful:
            self._doubtful.append((self.lines[-1], place.doubtful))

    def finish(self) -> list[Line]:
        self._flush()
        if self.quotes_certain:
            # Where the program says what it quotes, the other blockquotes only indent.
            for line, doubtful in self._doubtful:
                line.depth -= min(line.depth, doubtful)
        elif all(line.depth for line in self.lines if line.text):
            # A mail that is nothing but indented is not a quotation: its writer's program indents.
            for line in self.lines:
                line.depth -= min(line.depth, 1)
        return self.lines


_COLOUR = re.compile(r"(?:\A|[;\s])color\s{0,3}:\s{0,3}([#\w(),. ]{3,30})", re.IGNORECASE)
_HEX = re.compile(r"#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})\Z|#([0-9a-f])([0-9a-f])([0-9a-f])\Z")
_RGB = re.compile(r"rgba?\((\d{1,3}),(\d{1,3}),(\d{1,3})")
_COLOURLESS = frozenset(
    {"black", "windowtext", "gray", "grey", "white", "inherit", "initial", "currentcolor", "dimgray"}
)


def _coloured(place: _Place, style: str, attribute: str) -> _Place:
    """The place with the colour its text is written in: "" for black, white and what lies between."""
    match = _COLOUR.search(style[:2_000])
    colour = (match[1] if match else attribute[:30]).casefold().replace(" ", "")
    if not colour:
        return place
    parts = _HEX.match(colour) or _RGB.match(colour)
    if parts:
        base = 10 if colour.startswith("rgb") else 16
        channels = [int(part * (2 if len(colour) == 4 else 1), base) for part in parts.groups() if part]
        colour = "#" + "".join(f"{min(c, 255):02x}" for c in channels) if max(channels) - min(channels) > 40 else ""
    elif colour in _COLOURLESS or not colour.isalpha():
        colour = ""
    return place if colour == place.colour else replace(place, colour=colour)


def _is_indent(style: str, names: list[str]) -> bool:
    """Whether a blockquote only indents its writer's own words, as an editor's button does."""
    if "webkit-indent-blockquote" in names:
        return True
    if "gmail_quote" in names or not style:
        return False
    style = style[:2_000]
    return _NO_BORDER.search(style) is not None and _INDENT.search(style) is not None


def _is_data(table: LexborNode) -> bool:
    """Whether a table holds data, not a page's layout: rows of several short cells."""
    rows = table.css("tr")
    if not 2 <= len(rows) <= 500 or (table.css_first("table") is not None and len(table.css("table")) > 1):
        return False
    if table.css_first("blockquote, ul, ol, hr") is not None:
        return False
    cells = table.css("td, th")
    if len(cells) < 2 * len(rows) - 2 or len(cells) > 5_000:
        return False
    return sum(len(cell.text()) for cell in cells) <= 120 * len(cells)


def _aligned(rows: list[list[str]]) -> list[str]:
    rows = [row for row in rows if any(row)]
    columns = max((len(row) for row in rows), default=0)
    widths = [max((len(row[c]) for row in rows if c < len(row)), default=0) for c in range(columns)]
    if sum(widths) > 110:
        return [" | ".join(row) for row in rows]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip() for row in rows]
