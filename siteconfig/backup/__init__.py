"""Backup and restore: the database and every stored file, kept in a restic repository."""
