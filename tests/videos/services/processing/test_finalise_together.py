"""Two workers that finalise files of older versions at the same time."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import make_user
from tests.videos.stored_videos import built_rendition
from videos.models import Rendition, RenditionLayout
from videos.services.processing import finalise as under_test
from videos.services.processing.finalise import finalise_older_files
from videos.transcode.file_start import is_finalised
from videos.transcode.finalise import carry_out

pytestmark = pytest.mark.django_db(transaction=True)


def test_one_file_at_a_time_on_the_whole_site(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        built_rendition(make_user())
    meanwhile: list[int] = []

    def second_worker(*args: Any, **kwargs: Any) -> None:
        meanwhile.append(finalise_older_files())
        carry_out(*args, **kwargs)

    monkeypatch.setattr(under_test, "carry_out", second_worker)
    assert finalise_older_files() == 2
    assert meanwhile == [0, 0]
    for rendition in Rendition.objects.all():
        assert is_finalised(rendition.path)
        assert rendition.layout == RenditionLayout.ORDINARY
        assert rendition.size_bytes == rendition.path.stat().st_size
