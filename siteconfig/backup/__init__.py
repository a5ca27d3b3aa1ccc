"""Backup and restore of the database and all stored files, with a restic repository."""
