"""The members, categories and videos that `manage.py seed_clipset` makes, and their removal."""
