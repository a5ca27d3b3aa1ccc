"""The members, categories and videos of the sample data: fixed tables, the same each time."""

# ruff: noqa: S106 - the passwords are meant to be known

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from datetime import timedelta

from accounts.models import Role
from clipset.lib.ids import SHORT_ID_ALPHABET, SHORT_ID_LENGTH
from videos.models import ProcessingStatus

NAMESPACE = uuid.UUID("5f0c1d1e-6f0b-5c1c-9d57-0c11b5e75a3e")

READY = ProcessingStatus.COMPLETED
WORKING = ProcessingStatus.PROCESSING
FAILED = ProcessingStatus.FAILED


def sample_id(kind: str, key: str) -> uuid.UUID:
    return uuid.uuid5(NAMESPACE, f"{kind}/{key}")


def sample_short_id(key: str) -> str:
    number = int.from_bytes(hashlib.sha256(f"clipset sample {key}".encode()).digest())
    base = len(SHORT_ID_ALPHABET)
    places = (number // base**n % base for n in range(SHORT_ID_LENGTH))
    return "".join(SHORT_ID_ALPHABET[place] for place in places)


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleUser:
    """A member. `quota_used` is a share of the site's weekly limit, in percent."""

    username: str
    password: str
    role: Role = Role.USER
    quota_used: int = 0
    joined: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleVideo:
    """A video.

    Attributes:
        key: what its ids are derived from.
        clip: the name of the demo clip that is its file; None for a row without a file.
        size, seconds: bytes and length of a row without a file; else they are read from the file.
    """

    key: str
    title: str
    description: str | None = None
    category: str | None
    uploader: str
    status: ProcessingStatus
    age: timedelta
    views: int = 0
    original_filename: str
    clip: str | None = None
    size: int = 0
    seconds: float | None = None
    error: str | None = None


# One row has several fields a line, so that a row can be read at a glance.
# fmt: off
USERS = (
    SampleUser(username="admin", password="admin123", role=Role.ADMIN, joined=timedelta(days=45)),
    SampleUser(username="alice", password="password123", joined=timedelta(days=41)),
    SampleUser(username="bob", password="password123", quota_used=50, joined=timedelta(days=40)),
    SampleUser(username="charlie", password="password123", quota_used=100,
        joined=timedelta(days=36)),
)

CATEGORIES = {
    "Gaming": "Matches, speedruns and what happened at the last game night.",
    "Tutorials": "How somebody of us does it, from soldering to fractals. Questions welcome.",
    "Vlogs": "Days out, journeys and small things that one would like to keep.",
    "Music": "Rehearsals, concerts and records worth hearing to the end.",
    "Sports": "Races, matches and training, with and without medals.",
    "Cooking": "Family recipes and experiments, including those that went wrong.",
}

VIDEOS = (
    SampleVideo(key="aurora", clip="aurora", title="Aurora over the lake", category="Vlogs",
        uploader="alice", status=READY, age=timedelta(hours=5, minutes=20), views=23,
        original_filename="IMG_4127.mov",
        description="Minus fourteen degrees, one thermos and nobody else on the shore. It began a "
        "little after ten and went on for an hour; this is the best of it."),
    SampleVideo(key="soup", clip="soup", title="Tomato soup the way Nonna makes it",
        category="Cooking", uploader="bob", status=READY, age=timedelta(days=1, hours=3), views=87,
        original_filename="soup_final_v2.mp4",
        description="Two kilos of tomatoes, one onion, no hurry. The cream goes in last, from the "
        "middle outwards, and you are not allowed to stir."),
    SampleVideo(key="sunrise", clip="sunrise", title="Sunrise from the hut", category="Vlogs",
        uploader="charlie", status=READY, age=timedelta(days=2, hours=9), views=141,
        original_filename="PXL_20250614_044012.mp4",
        description="Up at 4:40 for this. Everyone who stayed in bed owes me a coffee."),
    SampleVideo(key="record", clip="record", title="Side A: the record from the flea market",
        category="Music", uploader="alice", status=READY, age=timedelta(days=4, hours=1), views=64,
        original_filename="record-player.mov"),
    SampleVideo(key="night-drive", clip="night-drive", title="Night drive home in the rain",
        category=None, uploader="bob", status=READY, age=timedelta(days=6, hours=14), views=208,
        original_filename="dashcam_0093.mp4"),
    SampleVideo(key="lanterns", clip="lanterns", title="Lanterns for Emma's thirtieth",
        category="Music", uploader="charlie", status=READY, age=timedelta(days=9, hours=2),
        views=377, original_filename="VID-20250607-WA0011.mp4",
        description="Thirty lanterns, one for each year, and all of them flew. Filmed upright, "
        "sorry, I was singing along."),
    SampleVideo(key="mandelbrot", clip="mandelbrot",
        title="Into the Mandelbrot set: why it never ends", category="Tutorials", uploader="bob",
        status=READY, age=timedelta(days=13, hours=7), views=112,
        original_filename="mandelbrot-talk.mp4",
        description="One line of arithmetic, over and over. The spiral in the middle is in the "
        "Seahorse Valley, near -0.7435 + 0.1315i, if you want to go there yourself."),
    SampleVideo(key="regatta", clip="regatta",
        title="Regatta 1994, third race (from Grandpa's tape)", category="Sports", uploader="admin",
        status=READY, age=timedelta(days=19, hours=5), views=500,
        original_filename="tape 07 - regatta.mp4",
        description="Digitised at last. The boat in front is ours, and no, we did not win. Does "
        "anybody know who sails the one with the yellow stripe?"),
    SampleVideo(key="game-of-life", clip="game-of-life", title="Game of Life night: the final",
        category="Gaming", uploader="charlie", status=READY, age=timedelta(days=26, hours=20),
        views=0, original_filename="life-final.mp4",
        description="Bob's glider gun against my random soup. Best of three, this is the last."),
    SampleVideo(key="star-trails", clip="star-trails", title="Two hours of stars above the camp",
        category="Vlogs", uploader="bob", status=WORKING, age=timedelta(minutes=12),
        original_filename="startrails_4k.mov",
        description="240 photographs in a row. The light in the tent is Alice looking for her "
        "socks."),
    SampleVideo(key="cup-final", title="Cup final, second half", category="Sports", uploader="bob",
        status=WORKING, age=timedelta(minutes=31), original_filename="00017.mov",
        size=1_903_244_288, seconds=2794.6,
        description="The whole half, uncut. Skip to 38:10 for the only thing that matters."),
    SampleVideo(key="soldering", title="Learning to solder, part 1: not burning yourself",
        category="Tutorials", uploader="charlie", status=WORKING, age=timedelta(hours=1, minutes=5),
        original_filename="solder-part1.mkv", size=612_904_411, seconds=1127.2),
    SampleVideo(key="sourdough", title="Sourdough, day three", category="Cooking", uploader="alice",
        status=WORKING, age=timedelta(hours=2, minutes=40), original_filename="IMG_4098.mov",
        size=148_377_020, seconds=94.5, description="It lives. It smells. It has a name now."),
    SampleVideo(key="rehearsal", title="Garage rehearsal, take 4", category="Music",
        uploader="admin", status=WORKING, age=timedelta(hours=6), original_filename="take4.webm",
        size=287_110_852, seconds=318.0, description="The one where the neighbour joins in."),
    SampleVideo(key="speedrun", title="Speedrun, attempt 112", category="Gaming",
        uploader="charlie", status=WORKING, age=timedelta(hours=9, minutes=15),
        original_filename="2025-06-12 21-44-03.mkv", size=1_204_558_199, seconds=1986.3),
    SampleVideo(key="wedding-speech", title="Uncle Theo's wedding speech", category="Vlogs",
        uploader="alice", status=FAILED, age=timedelta(days=3, hours=4),
        original_filename="GH010043.mp4", size=774_230_016,
        description="Seventeen minutes, three of them about the bride.",
        error="The file is not complete: its end is missing. Please upload it again."),
    SampleVideo(key="goal", title="Goal of the season", category="Sports", uploader="bob",
        status=FAILED, age=timedelta(days=8, hours=11), original_filename="goal.mp4",
        size=3_418_902, error="The file holds only sound. Please upload a video."),
    SampleVideo(key="moving-day", title="Moving day in 40 seconds", category="Vlogs",
        uploader="charlie", status=FAILED, age=timedelta(days=15, hours=16),
        original_filename="timelapse_full.mov", size=982_441_733, seconds=40.0,
        description="One photograph every ten seconds, from the balcony.",
        error="The picture is too large (8192 × 6144). Please export the video with at most 36 "
        "million pixels, which is more than 4K."),
    SampleVideo(key="lan-party", title="LAN party 2009, the lost recording", category="Gaming",
        uploader="bob", status=FAILED, age=timedelta(days=22, hours=8),
        original_filename="lan_2009.avi", size=733_988_864, seconds=3911.0,
        description="Found on a hard disk that makes noises.",
        error="The file is damaged and cannot be read to its end. If it plays on your device, "
        "export it again and upload that."),
    SampleVideo(key="choir", title="The choir in the old church", category="Music",
        uploader="alice", status=FAILED, age=timedelta(days=29, hours=10),
        original_filename="IMG_3871.mov", size=421_650_113, seconds=233.4,
        error="The video is in Dolby Vision profile 5, whose colours cannot be shown in a browser. "
        "Please export it as HDR10, HLG or SDR."),
)
# fmt: on
