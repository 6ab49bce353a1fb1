"""Names that differ a little, joined without comparing every name with every other.

Two names are similar if they hold the same numbers (Roman ones, too) and rapidfuzz's ``token_sort_ratio`` reaches a
threshold: twice the length of the longest common subsequence of their sorted words, over both lengths. The numbers are
looked at because "12 May 1987" and "13 May 1987", or Frederick I and II, are as similar as two spellings of one name.
So are "East Coast" and "West Coast", about which nothing is done: look at the nodes with several names before you rely
on such a graph.

Similar pairs join from the most similar down, and two groups only if all pairs across them are similar (complete
linkage), so that a chain of small differences does not end in one group. Equally similar pairs go by the alphabet:
the groups depend on the set of names alone.

Only names that share a rare pair of neighbouring letters are compared, without loss: names of similarity t differ by
at most d = (1 - t) (length + length) insertions and deletions, each of which changes at most two of a name's pairs of
letters, so the rarest 2 d + 1 pairs of both cannot all differ (prefix filtering, Chaudhuri et al. 2006).
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

from rapidfuzz.fuzz import ratio

_NUMBER = re.compile(r"\d+|\b[ivx]+\b", re.IGNORECASE)


def groups(names: Iterable[str], threshold: float) -> Mapping[str, str]:
    """For every name that is joined with others, the alphabetically first of them; ``threshold`` in percent (75 up)."""
    alike = dict(similar_pairs(names, threshold))
    members: dict[str, list[str]] = {}
    first: dict[str, str] = {}
    for a, b in sorted(alike, key=lambda pair: (-alike[pair], pair)):
        left, right = sorted((first.get(a, a), first.get(b, b)))
        if left == right:
            continue
        ours, others = members.get(left, [left]), members.get(right, [right])
        if all((min(x, y), max(x, y)) in alike for x in ours for y in others):
            members[left] = [*ours, *others]
            first |= dict.fromkeys(members[left], left)
            members.pop(right, None)
    return first


def similar_pairs(names: Iterable[str], threshold: float) -> Iterator[tuple[tuple[str, str], float]]:
    """Pairs of different names, each alphabetically ordered, and their similarity in percent."""
    by_numbers: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for name in sorted(set(names)):
        by_numbers[tuple(sorted(_NUMBER.findall(name)))].append(name)
    for block in by_numbers.values():
        yield from _similar(block, threshold)


def _similar(names: list[str], threshold: float) -> Iterator[tuple[tuple[str, str], float]]:
    words = [" ".join(sorted(name.split())) for name in names]
    pairs = [_letter_pairs(text) for text in words]
    frequency = Counter(pair for found in pairs for pair in found)
    with_pair: dict[tuple[str, int], list[int]] = defaultdict(list)
    for i, text in enumerate(words):
        # d for the longest name that can be similar: with t from 0 to 1, its length is at most len(text) (2 - t) / t
        most = int(2 * len(text) * (100 - threshold) / threshold + 1e-6)
        rarest = sorted(pairs[i], key=lambda pair: (frequency[pair], pair))[: 2 * most + 1]
        candidates: set[int] = set()
        for pair in rarest:
            candidates.update(with_pair[pair])
            with_pair[pair].append(i)
        for j in sorted(candidates):
            if score := ratio(text, words[j], score_cutoff=threshold):
                yield (names[j], names[i]), score


def _letter_pairs(text: str) -> set[tuple[str, int]]:
    """Neighbouring letters with their number of occurrence, the ends of the text included."""
    seen: Counter[str] = Counter()
    found = set()
    for pair in map("".join, zip(f"\0{text}", f"{text}\0", strict=True)):
        found.add((pair, seen[pair]))
        seen[pair] += 1
    return found
