"""Search results: which videos match, in which order, and the text that matches."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Case, F, IntegerField, Q, Value, When

from accounts.models import User
from clipset.lib.keyset import next_address, parse_cursor
from clipset.lib.units import clock
from clipset.lib.words import begins_any, excerpt, find_terms, marked, search_terms, words_of
from videos.fulltext import Term, newest_matching
from videos.models import Caption, SearchDocument, Video
from videos.selectors.cards import VideoCard, cards
from videos.selectors.likes import likes_along, with_likes
from videos.transcode.spoken import spoken_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from uuid import UUID

    from django.db.models import QuerySet
    from django.db.models.expressions import Combinable

    from categories.models import Category
    from clipset.lib.words import Piece

PAGE_SIZE: Final = 24
NEWEST_RANKED: Final = (
    2_000  # of the matching videos: a common word costs no more in a million videos
)
MAX_NAMES: Final = 500  # members whose names contain a term, by name
# The score of a term by where it occurs. The best place counts; 1 is for captions.
IN_TITLE_AS_WORD, IN_TITLE, BY_NAME, BY_CATEGORY, IN_DESCRIPTION = 8, 6, 5, 4, 2
SIDE_BY_SIDE: Final = 4  # several terms in a row in the title


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A matching video: its title with the terms marked, and the text around another occurrence."""

    card: VideoCard
    title: list[Piece]
    by: list[Piece]
    excerpt: list[
        Piece
    ]  # from the description or the captions; empty if title and names have all terms
    moment: str  # "1:23" if the excerpt is from the captions, else ""
    moment_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPage:
    """A page of hits.

    `next_url` is None on the last page. `found` is the number of hits, at most NEWEST_RANKED, and
    None after the first page; `is_cut` tells that it reached that limit. `members` are some whose
    names have all terms.
    """

    hits: list[Hit]
    next_url: str | None
    found: int | None
    is_cut: bool
    members: list[User]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOrder:
    """A sort order of search results, with the text of its link.

    `value_of` returns the number by which to sort the newest NEWEST_RANKED documents, the highest
    first. None sorts all by date.
    """

    label: str
    value_of: Callable[[list[Term]], Combinable] | None


def search_page(
    query: str,
    *,
    category: Category | None,
    categories: Iterable[Category],
    sort: str,
    after: str,
    parameters: dict[str, str],
    viewer: User | None = None,
) -> SearchPage:
    """The page behind the cursor `after`; the first one for a missing or wrong cursor.

    `categories` are all categories; `parameters` are those of the current address, which the next
    page keeps. At most six queries. Sorting by relevance or views covers the newest NEWEST_RANKED
    hits; sorting by date covers all.
    """
    words = search_terms(query)
    if not words:
        return SearchPage(hits=[], next_url=None, found=0, is_cut=False, members=[])
    members = _members(words)
    terms = [_term(word, members, categories) for word in words]
    only = category.pk if category else None
    documents = _documents(terms, only, sort=sort, after=after)
    next_url = None
    if len(documents) > PAGE_SIZE:
        documents.pop()
        next_url = next_address((documents[-1].value, documents[-1].pk), parameters)
    found = None if after else _candidates(terms, only).count()
    return SearchPage(
        hits=_hits(documents, words, viewer),
        next_url=next_url,
        found=found,
        is_cut=found == NEWEST_RANKED,
        members=[] if after else [user for user in members if _has_all(user, words)][:6],
    )


def _members(words: tuple[str, ...]) -> list[User]:
    """Members with a term at the beginning of a word of their name. One query."""
    named = Q()
    for word in words:
        named |= Q(username__istartswith=word) | Q(username__icontains=f"_{word}")
    return list(User.objects.filter(named).order_by("username")[:MAX_NAMES])


def _has_all(user: User, words: tuple[str, ...]) -> bool:
    return user.is_active and all(begins_any(words_of(user.username), word) for word in words)


def _term(word: str, members: Iterable[User], categories: Iterable[Category]) -> Term:
    return Term(
        word,
        uploaders=frozenset(
            user.pk for user in members if begins_any(words_of(user.username), word)
        ),
        categories=frozenset(one.pk for one in categories if begins_any(words_of(one.name), word)),
    )


def _candidates(terms: list[Term], category: UUID | None) -> QuerySet[SearchDocument]:
    newest = newest_matching(terms, category=category, limit=NEWEST_RANKED)
    return SearchDocument.objects.filter(pk__in=newest)


def _documents(terms: list[Term], category: UUID | None, *, sort: str, after: str) -> list[Any]:
    """The documents of a page and one more, sorted by their `value` and their id."""
    position = parse_cursor(after, int, int)
    value_of = SEARCH_SORTS[sort].value_of
    if value_of is None:
        before = position[1] if position else None
        newest = newest_matching(terms, category=category, before=before, limit=PAGE_SIZE + 1)
        found = SearchDocument.objects.filter(pk__in=newest).annotate(value=Value(0))
    else:
        found = _candidates(terms, category).annotate(value=value_of(terms))
        if position:
            reached, last = position
            found = found.filter(Q(value__lt=reached) | Q(value=reached, pk__lt=last))
    return list(found.defer("words", "spoken").order_by("-value", "-pk")[: PAGE_SIZE + 1])


def _score(terms: list[Term]) -> Combinable:
    """The score of a document: the best place of each term, and more if all terms are side by side
    in the title.
    """
    worth = [_worth(term) for term in terms]
    if len(terms) > 1:
        row = " ".join(term.text for term in terms)
        worth.append(_case(When(title__contains=f" {row}", then=Value(SIDE_BY_SIDE)), default=0))
    return reduce(add, worth)


def _worth(term: Term) -> Combinable:
    places = [
        When(title__contains=f" {term.text} ", then=Value(IN_TITLE_AS_WORD)),
        When(title__contains=f" {term.text}", then=Value(IN_TITLE)),
    ]
    if term.uploaders:
        places.append(When(uploader_id__in=term.uploaders, then=Value(BY_NAME)))
    if term.categories:
        places.append(When(category_id__in=term.categories, then=Value(BY_CATEGORY)))
    places.append(When(description__contains=f" {term.text}", then=Value(IN_DESCRIPTION)))
    return _case(*places, default=1)


def _case(*places: When, default: int) -> Combinable:
    return Case(*places, default=Value(default), output_field=IntegerField())


# By the value of `?sort=`. The first is the default, which addresses leave out.
SEARCH_SORTS: Final = {
    "relevance": SearchOrder(label="Best match", value_of=_score),
    "newest": SearchOrder(label="Newest", value_of=None),
    "views": SearchOrder(label="Most watched", value_of=lambda _: F("video__view_count")),
}


def _hits(documents: list[Any], words: tuple[str, ...], viewer: User | None) -> list[Hit]:
    """Checks again that everyone may see the videos: the index can lag behind, and does not decide
    about rights.
    """
    published = with_likes(Video.objects.published().for_cards())
    found = published.in_bulk([one.video_id for one in documents])
    videos = [found[one.video_id] for one in documents if one.video_id in found]
    unseen = {video.pk: _unseen(video, words) for video in videos}
    said = _said(unseen)
    shown = cards(videos, viewer=viewer, likes=likes_along(videos))
    return [
        _hit(video, card, words, unseen[video.pk], said.get(video.pk))
        for video, card in zip(videos, shown, strict=True)
    ]


def _unseen(video: Video, words: tuple[str, ...]) -> list[str]:
    """The terms that are neither in the title nor in the names on the card."""
    shown = words_of(video.title) + words_of(video.uploaded_by.username)
    if video.category:
        shown += words_of(video.category.name)
    return [word for word in words if not begins_any(shown, word)]


def _said(unseen: dict[UUID, list[str]]) -> dict[UUID, tuple[float, str]]:
    """The first caption cue of each video with one of its terms: seconds and text. One query."""
    said: dict[UUID, tuple[float, str]] = {}
    wanted = [pk for pk, words in unseen.items() if words]
    tracks = Caption.objects.served().filter(video__in=wanted).order_by("-is_default", "code")
    for video_id, body in tracks.values_list("video_id", "body"):
        if video_id not in said and (cue := _cue(body, unseen[video_id])):
            said[video_id] = cue
    return said


def _cue(body: str, words: list[str]) -> tuple[float, str] | None:
    end = 0  # of the last cue that was looked at
    for place, _ in find_terms(body, words):
        if place < end:
            continue
        end = body.find("\n\n", place)
        end = end if end >= 0 else len(body)
        cue = spoken_at(body, place)
        if cue and find_terms(cue[1], words):  # a number can also be part of the times
            return cue
    return None


def _hit(
    video: Video,
    card: VideoCard,
    words: tuple[str, ...],
    unseen: list[str],
    said: tuple[float, str] | None,
) -> Hit:
    described = excerpt(video.description or "", unseen)
    if described or said is None:
        said = None
    return Hit(
        card=card,
        title=marked(video.title, words),
        by=marked(card.uploader, words),
        excerpt=excerpt(said[1], unseen) if said else described,
        moment=clock(said[0]) if said else "",
        moment_url=f"{card.url}?t={int(said[0])}" if said else "",
    )
