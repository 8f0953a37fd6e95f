"""Where the templates, migrations and the example configuration lie.

An installed package carries them inside; in a checkout they are at the top level,
where people look for them.
"""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def resource(name: str) -> Path:
    """The file or folder `name` ("templates", "migrations", "config.example.toml")."""
    inside = _PACKAGE / name
    return inside if inside.exists() else _PACKAGE.parent / name
