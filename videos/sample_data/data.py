"""Who and what the sample data are: fixed tables, so that they are the same each time."""

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

READY, WORKING, FAILED = (
    ProcessingStatus.COMPLETED,
    ProcessingStatus.PROCESSING,
    ProcessingStatus.FAILED,
)


def sample_id(kind: str, key: str) -> uuid.UUID:
    return uuid.uuid5(NAMESPACE, f"{kind}/{key}")


def sample_short_id(key: str) -> str:
    number = int.from_bytes(hashlib.sha256(f"clipset sample {key}".encode()).digest())
    letters = []
    for _ in range(SHORT_ID_LENGTH):
        number, place = divmod(number, len(SHORT_ID_ALPHABET))
        letters.append(SHORT_ID_ALPHABET[place])
    return "".join(letters)


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleUser:
    """`quota_used` is a share of the site's weekly limit in percent."""

    username: str
    password: str
    role: Role = Role.USER
    quota_used: int = 0
    joined: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleCategory:
    name: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleVideo:
    """One row of `videos`.

    Attributes:
        key: what its ids are derived from.
        clip: the name of the clip that is its file; None for a row without one.
        size, seconds: of rows without a file; the file knows better.
    """

    key: str
    title: str
    description: str | None
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


USERS = (
    SampleUser(
        username="admin",
        password="admin123",
        role=Role.ADMIN,
        joined=timedelta(days=45),
    ),
    SampleUser(username="alice", password="password123", joined=timedelta(days=41)),
    SampleUser(
        username="bob",
        password="password123",
        quota_used=50,
        joined=timedelta(days=40),
    ),
    SampleUser(
        username="charlie",
        password="password123",
        quota_used=100,
        joined=timedelta(days=36),
    ),
)

CATEGORIES = (
    SampleCategory(
        name="Gaming",
        description="Matches, speedruns and what happened at the last game night.",
    ),
    SampleCategory(
        name="Tutorials",
        description="How somebody of us does it, from soldering to fractals. Questions welcome.",
    ),
    SampleCategory(
        name="Vlogs",
        description="Days out, journeys and small things that one would like to keep.",
    ),
    SampleCategory(
        name="Music",
        description="Rehearsals, concerts and records worth hearing to the end.",
    ),
    SampleCategory(
        name="Sports",
        description="Races, matches and training, with and without medals.",
    ),
    SampleCategory(
        name="Cooking",
        description="Family recipes and experiments, including those that went wrong.",
    ),
)

VIDEOS = (
    SampleVideo(
        key="aurora",
        clip="aurora",
        title="Aurora over the lake",
        description=(
            "Minus fourteen degrees, one thermos and nobody else on the shore. It began a little "
            "after ten and went on for an hour; this is the best of it."
        ),
        category="Vlogs",
        uploader="alice",
        status=READY,
        age=timedelta(hours=5, minutes=20),
        views=23,
        original_filename="IMG_4127.mov",
    ),
    SampleVideo(
        key="soup",
        clip="soup",
        title="Tomato soup the way Nonna makes it",
        description=(
            "Two kilos of tomatoes, one onion, no hurry. The cream goes in last, from the middle "
            "outwards, and you are not allowed to stir."
        ),
        category="Cooking",
        uploader="bob",
        status=READY,
        age=timedelta(days=1, hours=3),
        views=87,
        original_filename="soup_final_v2.mp4",
    ),
    SampleVideo(
        key="sunrise",
        clip="sunrise",
        title="Sunrise from the hut",
        description="Up at 4:40 for this. Everyone who stayed in bed owes me a coffee.",
        category="Vlogs",
        uploader="charlie",
        status=READY,
        age=timedelta(days=2, hours=9),
        views=141,
        original_filename="PXL_20250614_044012.mp4",
    ),
    SampleVideo(
        key="record",
        clip="record",
        title="Side A: the record from the flea market",
        description=None,
        category="Music",
        uploader="alice",
        status=READY,
        age=timedelta(days=4, hours=1),
        views=64,
        original_filename="record-player.mov",
    ),
    SampleVideo(
        key="night-drive",
        clip="night-drive",
        title="Night drive home in the rain",
        description=None,
        category=None,
        uploader="bob",
        status=READY,
        age=timedelta(days=6, hours=14),
        views=208,
        original_filename="dashcam_0093.mp4",
    ),
    SampleVideo(
        key="lanterns",
        clip="lanterns",
        title="Lanterns for Emma's thirtieth",
        description=(
            "Thirty lanterns, one for each year, and all of them flew. Filmed upright, sorry, I "
            "was singing along."
        ),
        category="Music",
        uploader="charlie",
        status=READY,
        age=timedelta(days=9, hours=2),
        views=377,
        original_filename="VID-20250607-WA0011.mp4",
    ),
    SampleVideo(
        key="mandelbrot",
        clip="mandelbrot",
        title="Into the Mandelbrot set: why it never ends",
        description=(
            "One line of arithmetic, over and over. The spiral in the middle is in the Seahorse "
            "Valley, near -0.7435 + 0.1315i, if you want to go there yourself."
        ),
        category="Tutorials",
        uploader="bob",
        status=READY,
        age=timedelta(days=13, hours=7),
        views=112,
        original_filename="mandelbrot-talk.mp4",
    ),
    SampleVideo(
        key="regatta",
        clip="regatta",
        title="Regatta 1994, third race (from Grandpa's tape)",
        description=(
            "Digitised at last. The boat in front is ours, and no, we did not win. Does anybody "
            "know who sails the one with the yellow stripe?"
        ),
        category="Sports",
        uploader="admin",
        status=READY,
        age=timedelta(days=19, hours=5),
        views=500,
        original_filename="tape 07 - regatta.mp4",
    ),
    SampleVideo(
        key="game-of-life",
        clip="game-of-life",
        title="Game of Life night: the final",
        description="Bob's glider gun against my random soup. Best of three, this is the last.",
        category="Gaming",
        uploader="charlie",
        status=READY,
        age=timedelta(days=26, hours=20),
        views=0,
        original_filename="life-final.mp4",
    ),
    SampleVideo(
        key="star-trails",
        clip="star-trails",
        title="Two hours of stars above the camp",
        description=(
            "240 photographs in a row. The light in the tent is Alice looking for her socks."
        ),
        category="Vlogs",
        uploader="bob",
        status=WORKING,
        age=timedelta(minutes=12),
        original_filename="startrails_4k.mov",
    ),
    SampleVideo(
        key="cup-final",
        title="Cup final, second half",
        description="The whole half, uncut. Skip to 38:10 for the only thing that matters.",
        category="Sports",
        uploader="bob",
        status=WORKING,
        age=timedelta(minutes=31),
        original_filename="00017.mov",
        size=1_903_244_288,
        seconds=2794.6,
    ),
    SampleVideo(
        key="soldering",
        title="Learning to solder, part 1: not burning yourself",
        description=None,
        category="Tutorials",
        uploader="charlie",
        status=WORKING,
        age=timedelta(hours=1, minutes=5),
        original_filename="solder-part1.mkv",
        size=612_904_411,
        seconds=1127.2,
    ),
    SampleVideo(
        key="sourdough",
        title="Sourdough, day three",
        description="It lives. It smells. It has a name now.",
        category="Cooking",
        uploader="alice",
        status=WORKING,
        age=timedelta(hours=2, minutes=40),
        original_filename="IMG_4098.mov",
        size=148_377_020,
        seconds=94.5,
    ),
    SampleVideo(
        key="rehearsal",
        title="Garage rehearsal, take 4",
        description="The one where the neighbour joins in.",
        category="Music",
        uploader="admin",
        status=WORKING,
        age=timedelta(hours=6),
        original_filename="take4.webm",
        size=287_110_852,
        seconds=318.0,
    ),
    SampleVideo(
        key="speedrun",
        title="Speedrun, attempt 112",
        description=None,
        category="Gaming",
        uploader="charlie",
        status=WORKING,
        age=timedelta(hours=9, minutes=15),
        original_filename="2025-06-12 21-44-03.mkv",
        size=1_204_558_199,
        seconds=1986.3,
    ),
    SampleVideo(
        key="wedding-speech",
        title="Uncle Theo's wedding speech",
        description="Seventeen minutes, three of them about the bride.",
        category="Vlogs",
        uploader="alice",
        status=FAILED,
        age=timedelta(days=3, hours=4),
        original_filename="GH010043.mp4",
        size=774_230_016,
        error="The file is not complete: its end is missing. Please upload it again.",
    ),
    SampleVideo(
        key="goal",
        title="Goal of the season",
        description=None,
        category="Sports",
        uploader="bob",
        status=FAILED,
        age=timedelta(days=8, hours=11),
        original_filename="goal.mp4",
        size=3_418_902,
        error="The file holds only sound. Please upload a video.",
    ),
    SampleVideo(
        key="moving-day",
        title="Moving day in 40 seconds",
        description="One photograph every ten seconds, from the balcony.",
        category="Vlogs",
        uploader="charlie",
        status=FAILED,
        age=timedelta(days=15, hours=16),
        original_filename="timelapse_full.mov",
        size=982_441_733,
        seconds=40.0,
        error=(
            "The picture is too large (8192 × 6144). Please export the video with at most 36 "
            "million pixels, which is more than 4K."
        ),
    ),
    SampleVideo(
        key="lan-party",
        title="LAN party 2009, the lost recording",
        description="Found on a hard disk that makes noises.",
        category="Gaming",
        uploader="bob",
        status=FAILED,
        age=timedelta(days=22, hours=8),
        original_filename="lan_2009.avi",
        size=733_988_864,
        seconds=3911.0,
        error=(
            "The file is damaged and cannot be read to its end. If it plays on your device, "
            "export it again and upload that."
        ),
    ),
    SampleVideo(
        key="choir",
        title="The choir in the old church",
        description=None,
        category="Music",
        uploader="alice",
        status=FAILED,
        age=timedelta(days=29, hours=10),
        original_filename="IMG_3871.mov",
        size=421_650_113,
        seconds=233.4,
        error=(
            "The video is in Dolby Vision profile 5, whose colours cannot be shown in a browser. "
            "Please export it as HDR10, HLG or SDR."
        ),
    ),
)
