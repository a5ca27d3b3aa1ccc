"""FFmpeg, pure of Django: probe -> plan -> commands -> run -> publish.

Data flows in one direction. Each stage is a plain function over the frozen dataclasses of ``types``
and ``media``, and can be used and tested alone; ``pipeline.transcode`` calls them in this order.
Nothing in this package knows about jobs, users or the database.
"""
