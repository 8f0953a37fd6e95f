"""Paragraphs that were broken for the way (RFC 3676) put together again."""

from __future__ import annotations


def unwrapped(text: str, *, delete_space: bool = False) -> str:
    """`text` of a format=flowed part with its soft line breaks undone, quote marks kept.

    `delete_space` is the DelSp parameter (RFC 3676 §4.3): the blank before a soft break goes too.
    """
    lines: list[str] = []
    paragraph: list[str] = []
    open_depth = 0

    def close() -> None:
        if paragraph:
            lines.append(_quoted(open_depth, "".join(paragraph)))
            paragraph.clear()

    for raw_line in text.split("\n"):
        content = raw_line.lstrip(">")
        depth = len(raw_line) - len(content)
        content = content.removeprefix(" ")  # §4.4: space-stuffing
        signature = content == "-- "  # §4.3: ends in a blank, yet is not soft
        if paragraph and (depth != open_depth or signature):
            close()  # §4.5: a paragraph ends where the depth changes
        open_depth = depth
        if content.endswith(" ") and not signature and content.strip():
            paragraph.append(content[:-1] if delete_space else content)
            continue
        paragraph.append(content)
        close()
    close()
    return "\n".join(lines)


def _quoted(depth: int, content: str) -> str:
    if not depth:
        return content
    return ">" * depth + (" " + content if content else "")
