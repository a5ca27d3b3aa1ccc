"""What each role may do in the admin: one table, for the tests and for docs/roles.md.

A new model, column, field, filter or action needs its place here. Members get nowhere in the admin.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.utils import label_for_field
from django.utils.text import capfirst

from accounts.models import Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django.contrib.admin import ModelAdmin
    from django.db.models import Model


@dataclass(frozen=True, kw_only=True)
class Page:
    """The page of a row: what one role reads and changes there. Names are separated by spaces.

    `row` is the name of a row in the world of test_admin_rights.py; `of` says which rows are alike.
    With `says_why_not` the page of a deletion opens, but only says why there is none. A page that
    `is_own` is no form of Django's: it shows the values of `reads`, and its buttons decide.
    """

    row: str
    of: str = ""
    reads: str = ""
    edits: str = ""
    deletes: bool = False
    says_why_not: bool = False
    is_own: bool = False


@dataclass(frozen=True, kw_only=True)
class Rights:
    """What one role may do with a model. Without `opens` not even the list is shown.

    `shows` says in words what a page without rows shows. `filters` are titles; `adds` are the
    fields of the form that adds a row. `of_trash` are the actions of the list of the trash, which
    has no others.
    """

    opens: bool = True
    shows: str = ""
    columns: str = ""
    search: bool = False
    filters: tuple[str, ...] = ()
    actions: str = ""
    of_trash: str = ""
    adds: str = ""
    pages: tuple[Page, ...] = ()


NOTHING: Final = Rights(opens=False)

# -- Members and invitations ----------------------------------------------------------------------
USAGE = "quota last_upload_reset stored state created_at last_login seen"
MEMBER_READS = f"picture {USAGE}"
STAFF_READS = f"picture username role is_active own_limit own_stored_limit {USAGE}"
MEMBER_EDITS = "username is_active weekly_upload_limit_bytes stored_limit_bytes"
MEMBERS = Rights(
    columns="picture username role state quota stored seen on_site",
    search=True,
    filters=("role", "active", "trash"),
    actions="deactivate activate reset_quotas",
    pages=(
        Page(row="uploader", of="a member", reads=f"{MEMBER_READS} role", edits=MEMBER_EDITS),
        Page(row="peer", of="a moderator", reads=STAFF_READS),
        Page(row="boss", of="an admin", reads=STAFF_READS),
        Page(row="mona", of="themselves", reads=STAFF_READS),
        Page(row="trashed_member", of="a member in the trash", reads=STAFF_READS),
    ),
)
MEMBERS_OF_ADMINS = replace(
    MEMBERS,
    columns="picture username email role state quota stored seen on_site",
    actions="delete_selected deactivate activate reset_quotas",
    of_trash="restore empty",
    pages=tuple(
        Page(
            row=row,
            of=of,
            reads=f"{MEMBER_READS} second_factor",
            edits=f"{MEMBER_EDITS} email role",
            deletes=row != "root_",
            says_why_not=row == "root_",
        )
        for row, of in (
            ("uploader", "a member"),
            ("peer", "a moderator"),
            ("boss", "an admin"),
            ("root_", "themselves"),
            ("trashed_member", "a member in the trash"),
        )
    ),
)
INVITATION_READS = "email role state created_by created_at expires_at used_at"
INVITATIONS = Rights(
    columns="email role state created_by created_at",
    search=True,
    filters=("state", "role"),
    actions="renew revoke",
    adds="email role",
    pages=(Page(row="invitation", of="one's own", reads=INVITATION_READS, deletes=True),),
)

# -- Videos and what is around them --------------------------------------------------------------
VIDEO_EDITS = "title description category is_hidden hidden_reason hidden_text"
VIDEO_READS = (
    "preview state error_message uploaded_by created_at length dimensions encoding renditions "
    "view_count updated_at original_filename size stored filename source charged"
)
VIDEOS = Rights(
    columns="thumbnail short_title state_and_reason uploaded_by category length stored views "
    "uploaded",
    search=True,
    filters=("state", "hidden", "trash", "category", "time of upload"),
    actions="delete_selected hide unhide retry cancel enrich move take_out",
    of_trash="restore",
    pages=(
        Page(row="video", edits=VIDEO_EDITS, reads=VIDEO_READS, deletes=True),
        Page(row="trashed_video", of="in the trash", edits=VIDEO_EDITS, reads=VIDEO_READS),
    ),
)
VIDEOS_OF_ADMINS = replace(
    VIDEOS,
    of_trash="restore empty",
    pages=tuple(replace(page, deletes=True) for page in VIDEOS.pages),
)
DECISION = "message_to_reporter message_to_member note"
REPORT_READS = "title quote member_name reporter reason text"
REPORTS = Rights(
    columns="picture what reason reporter_name about since status",
    search=True,
    filters=("state", "kind", "reason"),
    pages=(
        Page(row="report", of="about a member", reads=REPORT_READS, edits=DECISION, is_own=True),
    ),
)
REPORTS_OF_ADMINS = replace(
    REPORTS,
    pages=(
        *REPORTS.pages,
        replace(REPORTS.pages[0], row="other_report", of="about a moderator or an admin"),
    ),
)
STATISTICS = Rights(
    shows="charts of uploads, views, comments, failures and storage, by day, member and category"
)
CATEGORIES = Rights(
    columns="picture name video_count created_by created_at on_site",
    search=True,
    actions="delete_selected",
    adds="name slug description cover",
    pages=(
        Page(
            row="category",
            edits="name slug description cover",
            reads="created_by created_at updated_at",
            deletes=True,
        ),
    ),
)
COMMENTS = Rights(
    columns="short_text author about state written",
    search=True,
    filters=("state", "created at"),
    actions="hide unhide remove bring_back",
    pages=(
        Page(
            row="comment",
            reads="text author video parent created_at edited_at state",
            deletes=True,
        ),
    ),
)
PLAYLISTS = Rights(
    columns="short_title made_by video_count created_at updated_at",
    search=True,
    actions="delete_selected",
    pages=(
        Page(
            row="playlist",
            edits="title description",
            reads="made_by created_at updated_at",
            deletes=True,
        ),
    ),
)
UPLOADS = Rights(
    columns="name user size come created_at touched_at expires_at",
    search=True,
    filters=("created at",),
    actions="delete_selected",
    pages=(
        Page(
            row="upload",
            reads="name title user size come is_sent_now created_at touched_at expires_at",
            deletes=True,
        ),
    ),
)
JOBS = Rights(
    columns="id of_video kind state_in_colour percent failures losses created_at times",
    search=True,
    filters=("kind", "state", "created at"),
    pages=(
        Page(
            row="job",
            reads="video kind state_in_colour percent time_left attempts failures losses "
            "created_at run_after started_at finished_at",
        ),
    ),
)

# -- The site -------------------------------------------------------------------------------------
REMOVALS = Rights(
    columns="key root reason next_try_at tries error",
    search=True,
    filters=("reason",),
    pages=(
        Page(
            row="removal",
            reads="root key video_id reason created_at due_at tries next_try_at taken_until "
            "last_error",
        ),
    ),
)
CONFIG = Rights(
    pages=(
        Page(
            row="config",
            edits="max_file_size_bytes weekly_upload_limit_bytes stored_limit_bytes "
            "video_storage_path quality max_short_side make_720p make_480p "
            "offer_original_quality encoder keep_originals keep_originals_days "
            "staff_need_second_factor second_factor_grace_days trash_days audit_log_days",
            reads="updated_at updated_by",
        ),
    ),
)
BACKUPS = Rights(
    pages=(
        Page(
            row="backup",
            reads="state started_at finished_at requested_by snapshot_id videos_total files_total "
            "bytes_total bytes_added checked_all error",
        ),
    ),
)
DOCTOR = Rights(
    pages=(
        Page(
            row="doctor",
            reads="key state is_fix wanted done_checks all_checks current_check findings found "
            "mended problem created_at touched_at finished_at requested_by",
        ),
    ),
)

ENTRY_READS = "actor_name source object_name object_id reason"
ENTRIES = Rights(
    pages=(Page(row="entry", of="about a member below", reads=ENTRY_READS, is_own=True),)
)
ENTRIES_OF_ADMINS = Rights(
    pages=(
        Page(row="entry", of="about a member below", reads=f"{ENTRY_READS} address", is_own=True),
        Page(row="other_entry", of="any other", reads=f"{ENTRY_READS} address", is_own=True),
    )
)

# Model -> the rights of moderators and of admins.
TABLE: dict[str, tuple[Rights, Rights]] = {
    "videos.video": (VIDEOS, VIDEOS_OF_ADMINS),
    "videos.report": (REPORTS, REPORTS_OF_ADMINS),
    "videos.comment": (COMMENTS, COMMENTS),
    "videos.playlist": (PLAYLISTS, PLAYLISTS),
    "categories.category": (CATEGORIES, CATEGORIES),
    "videos.upload": (UPLOADS, UPLOADS),
    "videos.job": (JOBS, JOBS),
    "accounts.user": (MEMBERS, MEMBERS_OF_ADMINS),
    "accounts.invitation": (
        INVITATIONS,
        replace(
            INVITATIONS,
            pages=(
                *INVITATIONS.pages,
                Page(
                    row="other_invitation",
                    of="somebody else's",
                    reads=INVITATION_READS,
                    deletes=True,
                ),
            ),
        ),
    ),
    "videos.dailystatistics": (STATISTICS, STATISTICS),
    "videos.removal": (NOTHING, REMOVALS),
    "siteconfig.auditentry": (ENTRIES, ENTRIES_OF_ADMINS),
    "siteconfig.config": (NOTHING, CONFIG),
    "siteconfig.backuprun": (NOTHING, BACKUPS),
    "siteconfig.doctorrun": (NOTHING, DOCTOR),
}
RIGHTS: dict[Role, dict[str, Rights]] = {
    Role.MODERATOR: {label: pair[0] for label, pair in TABLE.items()},
    Role.ADMIN: {label: pair[1] for label, pair in TABLE.items()},
}

# All other models: what members alone know, and what only the site itself uses.
NOT_IN_THE_ADMIN = {
    "accounts.authenticatorapp",
    "accounts.emailchange",
    "accounts.leaving",
    "accounts.passkey",
    "accounts.recoverycode",
    "accounts.session",
    "accounts.throttle",
    "accounts.trycount",
    "siteconfig.clusterheartbeat",
    "siteconfig.dayalive",
    "siteconfig.putawayrow",
    "siteconfig.storageroot",
    "videos.caption",
    "videos.captionwords",
    "videos.filehash",
    "videos.guestlink",
    "videos.like",
    "videos.notification",
    "videos.playlistentry",
    "videos.rendition",
    "videos.reviewrequest",
    "videos.searchchange",
    "videos.searchdocument",
    "videos.videodeletion",
    "videos.view",
    "videos.watchprogress",
}

# What the group Moderators may do, as Django names it.
MODERATORS_GROUP = {
    "accounts.user": "view change",
    "accounts.invitation": "view add change delete",
    "categories.category": "view add change delete",
    "videos.video": "view change delete",
    "videos.comment": "view delete",
    "videos.report": "view change",
    "videos.playlist": "view change delete",
    "videos.upload": "view delete",
    "videos.job": "view",
}

# What is typed into fields to see that a change is stored. Configuration: tests/siteconfig.
HIDDEN = {"is_hidden": "on", "hidden_reason": "PERSON", "hidden_text": "New"}
NEW_VALUES: dict[str, dict[str, Any]] = {
    "videos.video": {"title": "New", "description": "New", "category": "", **HIDDEN},
    "categories.category": {"name": "New", "slug": "new", "description": "New"},
    "videos.playlist": {"title": "New", "description": "New"},
    "accounts.user": {
        "username": "renamed",
        "email": "new@example.org",
        "role": "ADMIN",
        "is_active": "",
        "weekly_upload_limit_bytes": "1 GB",
        "stored_limit_bytes": "1 GB",
    },
}


# -- docs/roles.md --------------------------------------------------------------------------------
def as_markdown() -> str:
    """The table in words, a section for each model."""
    return "\n".join("\n".join(_section(label, *pair)) for label, pair in TABLE.items())


def _section(label: str, moderator: Rights, of_admin: Rights) -> Iterator[str]:
    model = apps.get_model(label)
    model_admin = admin.site.get_model_admin(model)
    yield f"### {capfirst(model._meta.verbose_name_plural)}\n"
    yield "| | Moderators | Admins |\n| --- | --- | --- |"
    theirs, all_of_it = (dict(_rows(model_admin, model, it)) for it in (moderator, of_admin))
    for name in dict.fromkeys([*theirs, *all_of_it]):
        left, right = theirs.get(name, "–"), all_of_it.get(name, "–")
        yield f"| {name} | {left} | {'the same' if left == right != '–' else right} |"
    yield ""


def _rows(
    model_admin: ModelAdmin[Any], model: type[Model], rights: Rights
) -> Iterator[tuple[str, str]]:
    def labels(names: str) -> str:
        found = (_label(name, model, model_admin) for name in names.split())
        return ", ".join(capfirst(label) for label in found) or "–"

    if rights.shows:
        yield "Read", capfirst(rights.shows)
    if rights.columns:
        yield "List", labels(rights.columns)
        by = ["search"] * rights.search + list(rights.filters)
        yield "Find by", ", ".join(by)
    if rights.actions:
        yield "Actions", "; ".join(_actions(model_admin, rights.actions.split()))
    if rights.of_trash:
        yield "Actions in the trash", "; ".join(_actions(model_admin, rights.of_trash.split()))
    if rights.adds:
        yield "Add", labels(rights.adds)
    for page in rights.pages:
        of = f" ({page.of})" if page.of else ""
        yield f"Read{of}", labels(page.reads)
        yield f"Change{of}", labels(page.edits)
        yield f"Delete{of}", "yes" if page.deletes else "–"


def _label(name: str, model: type[Model], model_admin: ModelAdmin[Any]) -> str:
    form = model_admin.form.base_fields.get(name)
    if form is not None and form.label:
        return str(form.label)
    return str(label_for_field(name, model, model_admin)).removesuffix(" at")


def _actions(model_admin: ModelAdmin[Any], names: Iterable[str]) -> Iterator[str]:
    words = {"verbose_name_plural": model_admin.opts.verbose_name_plural}
    special = {"videos.upload": "Cancel selected uploads"}
    for name in names:
        if name == "delete_selected":
            label = model_admin.opts.label_lower
            yield special.get(label, "Delete selected {verbose_name_plural}".format(**words))
        else:
            yield str(getattr(model_admin, name).short_description)
