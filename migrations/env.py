"""Where alembic meets the store: m4dbot.store.migrate hands over an open connection."""

from alembic import context

from m4dbot.store.tables import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    # SQLite cannot alter most things in place: alembic copies the table. A column must not be renamed in the batch
    # that keeps a unique constraint on it, or the constraint is lost without a word.
    render_as_batch=True,
    # Our own BEGIN makes DDL transactional on SQLite too: a migration happens as a whole or not at all.
    transactional_ddl=True,
)
context.run_migrations()
