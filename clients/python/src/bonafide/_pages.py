"""Lists of several pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from bonafide.errors import DataLoss

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

LARGEST_PAGE = 100


class _Entry(Protocol):
    id: str


Entry = TypeVar("Entry", bound=_Entry)
EntryOfPage = TypeVar("EntryOfPage", bound=_Entry, covariant=True)


class Page(Protocol[EntryOfPage]):
    """An answer to a list call."""

    @property
    def data(self) -> Sequence[EntryOfPage]:
        """Newest first."""

    @property
    def has_more(self) -> bool:
        """Whether another page follows."""


def entries(
    page: Callable[[str | None, str | None], Page[Entry]], starting_after: str | None, ending_before: str | None
) -> Iterator[Entry]:
    """All entries from there on. `page` is told where it starts and where it ends, one of which moves along.

    To the older ones, newest first; with `ending_before` to the newer ones, oldest first: each is next to the one before.
    """
    while True:
        answer = page(starting_after, ending_before)
        yield from answer.data if ending_before is None else reversed(answer.data)
        if not answer.has_more:
            return
        if not answer.data:
            raise DataLoss("a page of the list is empty, and more are said to follow")
        if ending_before is None:
            starting_after = answer.data[-1].id
        else:
            ending_before = answer.data[0].id
