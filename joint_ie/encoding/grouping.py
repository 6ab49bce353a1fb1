"""Documents of similar length together, so that padding wastes little."""

from collections.abc import Iterable, Iterator, Sequence


def by_length(lengths: Sequence[int], budget: int, chosen: Iterable[int] | None = None) -> Iterator[list[int]]:
    """Positions in groups whose padded size, longest times number, stays within ``budget``; longest first.

    A single item may exceed the budget. ``chosen`` are the positions to group, all if None; ties keep their order.
    """
    group: list[int] = []
    for i in sorted(range(len(lengths)) if chosen is None else chosen, key=lambda i: -lengths[i]):
        if group and (len(group) + 1) * lengths[group[0]] > budget:
            yield group
            group = []
        group.append(i)
    if group:
        yield group
