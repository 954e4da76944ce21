"""The SQLite file: connections, the writer, the fair lock, maintenance, backups, migrations."""
