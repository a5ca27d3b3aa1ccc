"""What goes with videos, comments and playlists that are deleted, for the confirmation.

Counts stop at MAX_COUNTED, and of many objects only the first MAX_COUNTED are looked at, so that a
confirmation costs the same whatever is selected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clipset.database.limited import MAX_COUNTED, counted, limited_count
from clipset.lib.units import human_bytes
from videos.models import Comment, GuestLink, Like, Playlist, PlaylistEntry, Video
from videos.selectors.trash import total_kept

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.db.models import QuerySet


def counts_of_videos(videos: QuerySet[Video]) -> dict[str, int | str]:
    """Seven queries, with the number of the selected videos exact."""
    total, ids = videos.count(), _first(videos)
    going = {
        "comments": Comment.objects.present().filter(video__in=ids),
        "likes": Like.objects.filter(video__in=ids),
        "places in playlists": PlaylistEntry.objects.filter(video__in=ids),
        "guest links": GuestLink.objects.filter(video__in=ids),
    }
    size = human_bytes(total_kept(Video.objects.filter(pk__in=ids)).amount)
    if total > len(ids):
        size = f"at least {size}"
    return {"videos": total, **_counts(going, is_all=total == len(ids)), "size of files": size}


def counts_of_playlists(playlists: QuerySet[Playlist]) -> dict[str, int | str]:
    total, ids = playlists.count(), _first(playlists)
    going = {"places of videos": PlaylistEntry.objects.filter(playlist__in=ids)}
    return {"playlists": total, **_counts(going, is_all=total == len(ids))}


def _first(rows: QuerySet[Any]) -> list[Any]:
    return list(rows.order_by("pk").values_list("pk", flat=True)[:MAX_COUNTED])


def _counts(going: Mapping[str, QuerySet[Any]], *, is_all: bool) -> dict[str, int | str]:
    """The number of rows of each kind; `is_all` is whether all selected objects were looked at."""
    at_least = "" if is_all else "at least "
    return {name: f"{at_least}{counted(limited_count(rows))}" for name, rows in going.items()}
