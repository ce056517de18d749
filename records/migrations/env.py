"""What Alembic runs to come to a database: the connection and the transaction of whoever called, and no file of settings.
It opens nothing by itself and knows no table."""

from __future__ import annotations

from alembic import context

# a transaction is open already, on SQLite too: each BEGIN there is our own (records/store.py)
context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
