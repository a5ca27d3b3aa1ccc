"""FFmpeg, pure of Django: probe -> plan -> commands -> run -> publish.

Data goes one way. Each stage is a plain function over the frozen dataclasses of ``types`` and can
be used and tested alone; ``pipeline.transcode`` is all of them in a row. Nothing in here knows of
jobs, users or the database.
"""
