"""Sends one file with tuspy. The first argument is JSON: url, path, piece (bytes of a request),
headers, tries (of a request), delay (ms)."""

from __future__ import annotations

import json
import sys

from tusclient.client import TusClient


def main() -> None:
    asked = json.loads(sys.argv[1])
    uploader = TusClient(asked["url"], headers=asked["headers"]).uploader(
        asked["path"],
        chunk_size=asked["piece"],
        metadata={"filename": "sea.mp4", "filetype": "video/mp4"},
        retries=asked["tries"],
        retry_delay=asked["delay"] / 1000,
        upload_checksum=True,
    )
    uploader.upload()


main()
