"""The revisions of the database's schema, run by Alembic: each a file in `versions`, never changed once it was in a release.
They know tables by the names of their own time; the tables as they are now are in records/store.py."""
