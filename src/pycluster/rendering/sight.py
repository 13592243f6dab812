"""What a template may see and what it saw: intervals, and one fingerprint of everything that a rendering read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from msgspec import structs

from pycluster import judging
from pycluster.configs import Entry, Name, counts, entry_of, of_key, ordered, parse
from pycluster.controllers import Interest
from pycluster.kernel.errors import PyClusterError
from pycluster.node.view import MemberView
from pycluster.rendering.marks import Marks, above, fingerprint
from pycluster.rendering.model import Around, Wanted, Work
from pycluster.rendering.params import Params
from pycluster.rollouts import Staged, of_release, release_key, releases_of, staged_key, staged_of, unpacked
from pycluster.settings import Template
from pycluster.store import KeyValue


def intervals(template: Template) -> tuple[tuple[bytes, bytes], ...]:
    """What its settings let it read; an empty end: that key alone."""
    texts = [text.encode() for text in template.keys]
    return tuple((text, above(text) if text.endswith(b"/") else b"") for text in texts)


def sources(template: Template) -> tuple[tuple[bytes, bytes], ...]:
    """Where its text may come from: the entry, and what overrides it."""
    if not template.entry:
        return ()
    name = parse(template.entry)
    return (name.key, b""), name.overrides


def rolled(templates: Iterable[Template], node: str) -> tuple[tuple[bytes, bytes], ...]:
    """Where it says what is rolled out to ``node`` of their entries."""
    entries = {one.entry for one in templates if one.entry}
    staged = (pair for entry in entries for pair in staged_of(entry))
    return (*staged, releases_of(node)) if entries else ()


def interests(templates: Iterable[Template], node: str) -> tuple[Interest, ...]:
    """All that is watched for them at ``node``, nothing twice."""
    templates = tuple(templates)
    found = {pair for one in templates for pair in (*intervals(one), *sources(one))} | {*rolled(templates, node)}
    whole = sorted(pair for pair in found if pair[1])
    covered: list[tuple[bytes, bytes]] = []
    for key, end in whole:
        if covered and key <= covered[-1][1]:
            covered[-1] = (covered[-1][0], max(end, covered[-1][1]))
        else:
            covered.append((key, end))
    single = [pair for pair in found if not pair[1] and not any(key <= pair[0] < end for key, end in covered)]
    return tuple(Interest(key, end) for key, end in sorted((*covered, *single)))


def selects(template: Template, member: MemberView) -> bool:
    """Whether the file is for ``member``: of each kind of condition, and of each tag's key, one has to hold."""
    told = {"node": member.name, "region": member.region, "zone": member.zone}
    kinds: dict[tuple[str, str], bool] = {}
    for one in template.nodes:
        have = member.tags.get(one.key) if one.scope == "tag" else told[one.scope]
        kind = (one.scope, one.key)
        kinds[kind] = kinds.get(kind, False) or have == one.value
    return all(kinds.values())


def place_of(member: MemberView) -> judging.Place:
    """A member as templates see it: nothing that changes by itself."""
    return judging.Place(
        member.name, member.address, member.state, member.region, member.zone, dict(sorted(member.tags.items()))
    )


class Sight:
    """Keys and members at one moment; ``member`` is this node."""

    def __init__(
        self,
        keys: Mapping[bytes, KeyValue],
        member: MemberView,
        members: tuple[MemberView, ...],
        leader: str,
    ) -> None:
        self._keys = keys
        self._marks = Marks({key: kv.mod_revision for key, kv in keys.items()})
        self._member = member
        self._around = Around(place_of(member), tuple(place_of(one) for one in members), leader)
        released = self._marks.between(*releases_of(member.name))
        #: The entries of which something is released for this node; of all others nothing need be decoded.
        self._rolled = {_path(key) for key in released}

    def fingerprint(self, template: Template, reads: judging.Reads) -> bytes:
        """Of what decides about ``template`` now."""
        staged = 0
        if template.entry in self._rolled:
            wanted = self._wanted(template)
            staged = wanted.version if wanted.staged else 0
        return fingerprint(self._marks, sources(template), reads, self._around, staged)

    def works(self, templates: Iterable[Template], params: Params | None = None) -> tuple[Work, ...]:
        """The batches that render ``templates``, as few as its bounds leave; who alone may see more has a problem."""
        most = (params or Params()).input_max_bytes
        templates = tuple(templates)
        if not templates:
            return ()
        if self._bytes(self._visible(templates)) <= most:
            return (self._work(templates),)
        batches: list[list[Template]] = []
        great: list[Template] = []
        seen: set[bytes] = set()
        size = 0
        for template in templates:
            keys = self._visible((template,))
            if self._bytes(keys) > most:
                great.append(template)
                continue
            if not batches or size + self._bytes(keys - seen) > most:
                batches.append([])
                seen, size = set(), 0
            size += self._bytes(keys - seen)
            seen |= keys
            batches[-1].append(template)
        problem = f"it may see more than {most} bytes of keys and values; give it narrower keys"
        return (*([self.troubled(great, problem)] if great else []), *(self._work(batch) for batch in batches))

    def _visible(self, templates: Iterable[Template]) -> set[bytes]:
        pairs = {pair for one in templates for pair in intervals(one)}
        return {key for pair in pairs for key in self._marks.between(*pair)}

    def _bytes(self, keys: Iterable[bytes]) -> int:
        return sum(len(key) + len(self._keys[key].value) for key in keys)

    def troubled(self, templates: Iterable[Template], problem: str) -> Work:
        """A batch of which none can be rendered; it has nothing to see."""
        work = self._work(templates)
        wanted = tuple(structs.replace(one, text=None, problem=problem) for one in work.wanted)
        return structs.replace(work, wanted=wanted, keys=())

    def _work(self, templates: Iterable[Template]) -> Work:
        templates = tuple(templates)
        entries = {key for one in templates for pair in sources(one) for key in self._marks.between(*pair)}
        return Work(
            tuple(self._wanted(one) for one in templates),
            tuple(
                (key, self._keys[key].value, self._keys[key].mod_revision) for key in sorted(self._visible(templates))
            ),
            {key: self._keys[key].mod_revision for key in entries},
            self._around,
        )

    def _wanted(self, template: Template) -> Wanted:
        if not template.entry:
            return Wanted(template.name)
        found: dict[Name, bytes] = {}
        try:
            for pair in sources(template):
                for key in self._marks.between(*pair):
                    name = parse(of_key(key))
                    if not name.schema and counts(name, self._member):
                        found[name] = key
            if not found:
                return Wanted(template.name, problem=f"there is no entry {template.entry}", entry=template.entry)
            top = ordered(found)[-1]
            entry = entry_of(self._keys[found[top]])
            released = self._released(top, entry)
        except PyClusterError as error:
            # Somebody else wrote there: that is this file's problem, and no other's.
            return Wanted(template.name, problem=str(error), entry=template.entry)
        if released is not None:
            return Wanted(template.name, released.content, released.version, entry=top.text, staged=True)
        return Wanted(template.name, entry.content, entry.version, entry=top.text)

    def _released(self, name: Name, entry: Entry) -> Entry | None:
        """What is rolled out over ``entry``, where this node may have it and knows it already."""
        if not entry.rolling or release_key(self._member.name, name.text, entry.rolling) not in self._keys:
            return None
        staged = self._keys.get(staged_key(name.text, entry.rolling))
        return unpacked(staged, Staged).after if staged is not None else None


def _path(key: bytes) -> str:
    """The entry that a release is of; empty where somebody else wrote there, which releases nothing."""
    try:
        return parse(of_release(key)[1]).path
    except (ValueError, PyClusterError):
        return ""


def fingerprints(work: Work) -> Callable[[Template, judging.Reads], bytes]:
    """The same of what a batch was made from."""
    marks = Marks({**work.sources, **{key: revision for key, _, revision in work.keys}})
    staged = {one.name: one.version for one in work.wanted if one.staged}
    return lambda template, reads: fingerprint(
        marks, sources(template), reads, work.around, staged.get(template.name, 0)
    )
