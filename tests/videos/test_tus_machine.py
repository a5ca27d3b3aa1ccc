"""Uploads by tus against a model that is too simple to be wrong: what has arrived, what is charged,
and what each request is answered, also when it is sent twice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from accounts.models import User
from siteconfig.models import Config
from tests.builders import live_for, make_user
from tests.examples import examples
from tests.videos.tus_client import append, append_coming, ask, create, terminate
from videos.models import Job, Upload, Video
from videos.services.uploads.expire import end_expired_uploads
from videos.services.uploads.finish import finish_whole_uploads

LIMIT = 3000
BYTES = bytes(range(256)) * 8


@dataclass
class Told:
    """An upload as a client knows it."""

    url: str
    video_file: bytes
    offset: int = 0
    is_gone: bool = False
    video: str = ""


class TusMachine(RuleBasedStateMachine):
    """One member, whose week has room for a few."""

    uploads: Bundle[Told] = Bundle("uploads")

    def __init__(self) -> None:
        super().__init__()
        Config.objects.update(weekly_upload_limit_bytes=LIMIT)
        live_for(2)
        self.bob = make_user()
        self.client = Client()
        self.client.force_login(self.bob)
        self.known: list[Told] = []
        self.charged = 0

    def came(self, upload: Told, offset: int, video: str) -> None:
        upload.offset = offset
        assert bool(video) == (offset == len(upload.video_file))
        assert upload.video in {"", video}
        upload.video = video

    @rule(target=uploads, size=st.integers(0, 1500), first=st.integers(0, 1600))
    def make_one(self, size: int, first: int) -> Told | MultipleResults[Told]:
        video_file = BYTES[:size]
        made = create(self.client, size, BYTES[:first])
        if first > size:
            assert made.status_code == 413
        elif size == 0:
            assert made.status_code == 422
        elif self.charged + size > LIMIT:
            assert made.status_code == 413
        else:
            assert made.status_code == 201
            upload = Told(made["Location"], video_file)
            self.charged += size
            self.known.append(upload)
            self.came(upload, first, made.get("Clipset-Video", ""))
            return upload
        return multiple()

    @rule(upload=uploads, shift=st.sampled_from([0, 0, 0, 0, -1, 1]), size=st.integers(0, 1600))
    def send_more(self, upload: Told, shift: int, size: int) -> None:
        start = max(0, upload.offset + shift)
        answer = append(self.client, upload.url, start, BYTES[start : start + size])
        if upload.is_gone:
            assert answer.status_code == 410
        elif start != upload.offset:
            assert answer.status_code == 409
        elif start + size > len(upload.video_file):
            assert answer.status_code == 413
        else:
            assert answer.status_code == 204
            assert int(answer["Upload-Offset"]) == start + size
            self.came(upload, start + size, answer.get("Clipset-Video", ""))

    @rule(upload=uploads, size=st.integers(1, 1600), part=st.integers(0, 1600))
    def send_and_break_off(self, upload: Told, size: int, part: int) -> None:
        size = min(size, len(upload.video_file) - upload.offset)
        part = min(part, size - 1)
        if size < 1 or upload.is_gone:
            return
        start = upload.offset
        pieces = [BYTES[start : start + part]] if part else []
        answer = append_coming(self.client, upload.url, start, size, iter(pieces))
        assert answer.status_code == 408
        upload.offset += part

    @rule(upload=uploads)
    def ask_where_it_stands(self, upload: Told) -> None:
        answer = ask(self.client, upload.url)
        if upload.is_gone:
            assert answer.status_code == 410
            return
        assert answer.status_code == 200
        assert int(answer["Upload-Length"]) == len(upload.video_file)
        assert int(answer["Upload-Offset"]) == upload.offset
        assert answer.get("Clipset-Video", "") == upload.video

    @rule(upload=uploads, times=st.integers(1, 2))
    def end_it(self, upload: Told, times: int) -> None:
        for _ in range(times):
            answer = terminate(self.client, upload.url)
            if upload.video and not upload.is_gone:
                assert answer.status_code == 409
                continue
            assert answer.status_code == (410 if upload.is_gone else 204)
            self.over(upload)

    @rule(upload=uploads)
    def it_expires(self, upload: Told) -> None:
        key = upload.url.split("/")[2]
        Upload.objects.filter(pk=key).update(expires_at=timezone.now() - timedelta(seconds=1))
        end_expired_uploads()
        self.over(upload)

    def over(self, upload: Told) -> None:
        if not upload.is_gone and not upload.video:
            self.charged -= len(upload.video_file)
        upload.is_gone = True

    @rule()
    def the_schedule_runs(self) -> None:
        assert finish_whole_uploads() == 0
        assert end_expired_uploads() == 0

    @invariant()
    def what_is_charged_and_stored_is_what_the_model_says(self) -> None:
        assert User.objects.get(pk=self.bob.pk).weekly_upload_bytes == self.charged
        made = {upload.video: upload for upload in self.known if upload.video}
        videos = {video.get_absolute_url(): video for video in Video.objects.all()}
        assert videos.keys() == made.keys()
        assert Job.objects.count() == len(made)
        for address, video in videos.items():
            assert video.source_file.read_bytes() == made[address].video_file
        listed = self.client.get("/uploads/", headers={"Accept": "application/json"}).json()
        assert {(each["url"], each["offset"]) for each in listed["uploads"]} == {
            (upload.url, upload.offset)
            for upload in self.known
            if not upload.is_gone and not upload.video
        }

    def teardown(self) -> None:
        self.bob.videos.all().delete()
        self.bob.uploads.all().delete()


@pytest.mark.both_databases
@pytest.mark.django_db
def test_uploads_do_what_the_model_does() -> None:
    run_state_machine_as_test(
        TusMachine,
        settings=settings(
            max_examples=examples(25),
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
