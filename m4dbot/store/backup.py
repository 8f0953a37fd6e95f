"""A copy of the database while the bot runs."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing, suppress
from pathlib import Path

from m4dbot.errors import M4dbotError
from m4dbot.store.database import Database

LOCK_WAIT = 60.0  # seconds for a writer to finish


def backup(database: Database, target: Path) -> int:
    """Write a whole, checked copy to the new file `target`, readable by its owner only; its size in bytes.

    Raises M4dbotError where the file exists, the copy fails or is not sound; then nothing is left behind.
    """
    if target.exists() or target.is_symlink():
        raise M4dbotError(f"{target} exists already and is left as it is; name another file.")
    if not target.parent.is_dir():
        raise M4dbotError(f"The folder {target.parent} does not exist; create it.")
    # Under another name until it is whole: a backup that was cut short must not look like one.
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        if database.is_sqlite:
            _sqlite(database, partial)
        else:
            _postgresql(database, partial)
        with partial.open("rb") as stream:
            os.fsync(stream.fileno())
        # A link, unlike a rename, never replaces what somebody else wrote meanwhile.
        os.link(partial, target)
    except FileExistsError:
        raise M4dbotError(f"{target} exists already and is left as it is; name another file.") from None
    except OSError as exc:
        raise M4dbotError(f"{target} cannot be written ({exc.strerror}).") from None
    finally:
        for left in (partial, *(partial.with_name(partial.name + end) for end in ("-wal", "-shm", "-journal"))):
            with suppress(FileNotFoundError):
                left.unlink()
    return target.stat().st_size


def _sqlite(database: Database, partial: Path) -> None:
    source = database.path
    if source is None or not source.exists():
        raise M4dbotError(f"There is no database at {source} yet.")
    try:
        # Raw and with autocommit: within a BEGIN IMMEDIATE it would wait for itself.
        with (
            closing(sqlite3.connect(source, timeout=LOCK_WAIT, isolation_level=None)) as one,
            closing(sqlite3.connect(partial, isolation_level=None)) as copy,
        ):
            # In one step: a copy in portions begins anew with every write of the bot.
            one.backup(copy)
            # The copy is one file, whole without its -wal.
            copy.execute("PRAGMA journal_mode=DELETE")
            said = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as exc:
        raise M4dbotError(f"The database {source} cannot be copied ({exc}).") from None
    if said != "ok":
        raise M4dbotError(f"The copy is damaged, and so is the database {source} ({said}); run `m4dbot doctor`.")


def _postgresql(database: Database, partial: Path) -> None:
    program = shutil.which("pg_dump")
    if program is None:
        raise M4dbotError(
            "pg_dump is not installed here; install PostgreSQL's client programs (apt-get install postgresql-client), "
            "or run pg_dump --format=custom on the database server."
        )
    url = database.engine.url
    # Through the environment: the list of processes is everybody's to read.
    named = {
        "PGHOST": url.host,
        "PGPORT": str(url.port) if url.port else None,
        "PGUSER": url.username,
        "PGPASSWORD": url.password,
        "PGDATABASE": url.database,
    }
    for key, value in url.query.items():
        if key in {"host", "port", "sslmode", "sslrootcert", "service"}:
            named[f"PG{key.upper()}"] = value if isinstance(value, str) else value[0]
    environment = {**os.environ, **{k: v for k, v in named.items() if v}}
    command = [program, "--format=custom", "--no-owner", "--no-password", f"--file={partial}"]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - no shell
    if ran.returncode != 0:
        said = " ".join(ran.stderr.split())[:500]
        raise M4dbotError(f"pg_dump failed ({said}); is it of the server's version or newer?")
    listed = subprocess.run(  # noqa: S603 - no shell
        [program.removesuffix("pg_dump") + "pg_restore", "--list", str(partial)],
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0 or "TABLE DATA" not in listed.stdout:
        raise M4dbotError("The copy cannot be read back by pg_restore; nothing was kept.")
