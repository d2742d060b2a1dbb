"""The values that ahdath takes and gives: Span, Argument, Event, Sentence, Document.

All are frozen and checked when they are made, so a Document that exists is sound: offsets are half-open
ranges of Unicode code points of the raw text, and `text[s.start:s.end] == s.text` for every span in it.
`to_dict` and `from_dict` lead to plain values and back. This module knows no files, words or models.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ahdath.checks import mapping, offset, probabilities, probability, refuse, require_name, tuple_of, typed
from ahdath.errors import AhdathError, DataError, did_you_mean, listed, shown
from ahdath.ontology import Ontology

__all__ = ["SCHEMA_VERSION", "Argument", "Document", "Event", "Sentence", "Span"]

SCHEMA_VERSION = 1  # of the dict layout; `to_dict` writes it as `schema`
T = TypeVar("T")
_COUNT = "count offsets in Unicode code points of the raw text, end exclusive"


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a text: half-open code-point offsets and the characters between them, never empty.

    >>> Span.of("قصفت الطائرات حلب", 5, 13)
    Span(start=5, end=13, text='الطائرات')

    Raises DataError when the offsets are no valid range or do not have the length of `text`.
    """

    start: int
    end: int
    text: str

    def __post_init__(self) -> None:
        start, end, text = self.start, self.end, self.text
        if type(start) is int and type(end) is int and type(text) is str and 0 <= start < end and len(text) == end - start:
            return  # a paragraph has dozens of spans: names are made for what is wrong or to be converted
        kind = type(self).__name__
        _set(self, "start", offset(start, f"{kind}.start"))
        _set(self, "end", offset(end, f"{kind}.end"))
        typed(text, str, f"{kind}.text")
        if not 0 <= self.start < self.end:
            refuse(kind, "0 <= start < end (end exclusive)", f"start {self.start}, end {self.end}")
        if len(text) != self.end - self.start:
            expected = f"a text of end - start = {self.end - self.start} code points"
            refuse(kind, expected, f"{len(text)}: {shown(text)}", _COUNT)

    @classmethod
    def of(cls, text: str, start: int, end: int) -> Span:
        """The span of `text` from `start` to `end`."""
        first, last = offset(start, "Span.start"), offset(end, "Span.end")
        return cls(first, last, typed(text, str, "text")[max(first, 0) : max(last, 0)])

    def to_dict(self) -> dict[str, Any]:
        """`{"text", "start", "end"}`."""
        return {"text": self.text, "start": self.start, "end": self.end}


@dataclass(frozen=True, slots=True)
class Argument:
    """Who or what takes part in an event: a role, the span that fills it, its probability given the event.

    >>> Argument("Place", Span(14, 17, "حلب")).score
    1.0
    """

    role: str
    span: Span
    score: float = 1.0

    def __post_init__(self) -> None:
        require_name(self.role, "Argument.role")
        typed(self.span, Span, "Argument.span")
        _set(self, "score", probability(self.score, "Argument.score"))

    def to_dict(self) -> dict[str, Any]:
        """`{"role", "text", "start", "end", "score"}`."""
        return {"role": self.role, **self.span.to_dict(), "score": self.score}


@dataclass(frozen=True, slots=True)
class Event:
    """One event mention: its type, the trigger word, the arguments, whether it is told as fact.

    `modality` and `polarity` are values of the ontology's attributes. `score` is the calibrated
    probability of the trigger and type. `ontology` (None: the packaged one) is only used for the
    crosswalks `plover`, `ace` and `cameo`, which raise OntologyError where it lacks the type.

    >>> text = "قصفت الطائرات حلب"
    >>> event = Event("Conflict.Attack", Span.of(text, 0, 4), (Argument("Agent", Span.of(text, 5, 13)),))
    >>> event.plover
    {'event': 'ASSAULT'}
    """

    type: str
    trigger: Span
    arguments: tuple[Argument, ...] = ()
    modality: str = "asserted"
    polarity: str = "positive"
    score: float = 1.0
    ontology: Ontology | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        require_name(self.type, "Event.type")
        require_name(self.modality, "Event.modality")
        require_name(self.polarity, "Event.polarity")
        typed(self.trigger, Span, "Event.trigger")
        _set(self, "arguments", tuple_of(self.arguments, Argument, "Event.arguments"))
        _set(self, "score", probability(self.score, "Event.score"))
        if self.ontology is not None:
            typed(self.ontology, Ontology, "Event.ontology")

    @property
    def plover(self) -> dict[str, str] | None:
        """The PLOVER counterpart, `{"event"}` or `{"event", "mode"}`; None where PLOVER has none.

        None too when PLOVER codes the type only with a certain role (`needs`) and no argument fills it:
        a death is an ASSAULT only when someone did it.
        """
        plover = (self.ontology or Ontology.default()).event_type(self.type).plover
        if plover is None or ("needs" in plover and all(a.role != plover["needs"] for a in self.arguments)):
            return None
        return {key: value for key, value in plover.items() if key != "needs"}

    @property
    def ace(self) -> dict[str, Any] | None:
        """The event in ACE 2005's names, `{"type", "trigger", "arguments"}`; None where ACE has no such type.

        Arguments whose role has no counterpart in ACE are left out.
        """
        spec = (self.ontology or Ontology.default()).event_type(self.type)
        if spec.ace is None:
            return None
        renamed = [(spec.ace_roles.get(a.role, a.role), a.span) for a in self.arguments]
        arguments = [{"role": role, **span.to_dict()} for role, span in renamed if role is not None]
        return {"type": spec.ace, "trigger": self.trigger.to_dict(), "arguments": arguments}

    @property
    def cameo(self) -> tuple[str, ...]:
        """The CAMEO codes (root or finer) that the type can stand for; empty where CAMEO has none."""
        return (self.ontology or Ontology.default()).event_type(self.type).cameo

    def to_dict(self) -> dict[str, Any]:
        """`{"type", "trigger", "modality", "polarity", "score", "arguments"}`, all JSON-able."""
        return {
            "type": self.type,
            "trigger": self.trigger.to_dict(),
            "modality": self.modality,
            "polarity": self.polarity,
            "score": self.score,
            "arguments": [argument.to_dict() for argument in self.arguments],
        }


@dataclass(frozen=True, slots=True)
class Sentence(Span):
    """A sentence: offsets and text like a Span, the types of the events in it, their probabilities if known.

    >>> Sentence(0, 17, "قصفت الطائرات حلب", types=("Conflict.Attack",)).types
    ('Conflict.Attack',)
    """

    types: tuple[str, ...] = ()
    scores: Mapping[str, float] | None = field(default=None, hash=False)

    def __post_init__(self) -> None:
        Span.__post_init__(self)
        _set(self, "types", tuple_of(self.types, str, "Sentence.types"))
        _set(self, "scores", probabilities(self.scores, "Sentence.scores"))

    def to_dict(self) -> dict[str, Any]:
        """`{"start", "end", "text", "types"}`, and `scores` where there are any."""
        row = {**Span.to_dict(self), "types": list(self.types)}
        return row if self.scores is None else {**row, "scores": dict(self.scores)}


@dataclass(frozen=True, slots=True)
class Document:
    """A paragraph (or any text) with its events and sentences.

    `types` are probabilities by event type that a sentence tells it, the highest of all sentences, from 0.05 up; `model` and `ontology` (its digest) say what
    made the document; all three are None in annotated data. `meta` is free, with text keys. Mappings are
    copied and meant to be read only. Raises DataError for a wrong type or a span that is not of `text`.

    >>> text = "قصفت الطائرات حلب"
    >>> Document(text, [Event("Conflict.Attack", Span.of(text, 0, 4))]).events[0].trigger.text
    'قصفت'
    """

    text: str
    events: tuple[Event, ...] = ()
    sentences: tuple[Sentence, ...] = ()
    id: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict, hash=False)
    model: str | None = None
    ontology: str | None = None
    types: Mapping[str, float] | None = field(default=None, hash=False)

    def __post_init__(self) -> None:
        typed(self.text, str, "Document.text")
        typed(self.id, str, "Document.id")
        _set(self, "events", tuple_of(self.events, Event, "Document.events"))
        _set(self, "sentences", tuple_of(self.sentences, Sentence, "Document.sentences"))
        _set(self, "meta", dict(mapping(self.meta, "Document.meta")))
        for name in ("model", "ontology"):
            if getattr(self, name) is not None:
                typed(getattr(self, name), str, f"Document.{name}")
        _set(self, "types", probabilities(self.types, "Document.types"))
        for span, where, *names in self._spans():
            here = self.text[span.start : span.end]
            if here != span.text:
                expected = f"the text at {span.start}:{span.end}, {shown(here)}"
                refuse(f"Document {self.id!r}: {where.format(*names)}", expected, shown(span.text), _COUNT)

    def _spans(self) -> Iterator[tuple[Any, ...]]:
        """All spans, each with a template of where it stands and what fills it."""
        for n, event in enumerate(self.events):
            yield event.trigger, "events[{}].trigger ({})", n, event.type
            for m, argument in enumerate(event.arguments):
                yield argument.span, "events[{}].arguments[{}] ({}, {})", n, m, event.type, argument.role
        for n, sentence in enumerate(self.sentences):
            yield sentence, "sentences[{}]", n

    def check(self, ontology: Ontology) -> None:
        """Raises one DataError with all types, roles and attribute values that `ontology` does not have."""
        types = [(f"events[{n}]", event.type) for n, event in enumerate(self.events)]
        types += [(f"sentences[{n}]", name) for n, s in enumerate(self.sentences) for name in s.types]
        types += [("types", name) for name in self.types or ()]
        unknown = "Unknown event type"
        problems = [_not_among(f"{w}: {unknown} {t!r}", t, ontology.types, ontology) for w, t in types]
        for n, event in enumerate(self.events):
            where = f"events[{n}] ({event.type}, {shown(event.trigger.text)}): "
            for name, values in ontology.attributes.items():
                value = getattr(event, name)
                problems.append(_not_among(f"{where}Unknown {name} {value!r}", value, values, ontology))
            if event.type in ontology.types:
                roles = ontology.types[event.type].roles
                for role in (argument.role for argument in event.arguments):
                    problem = f"{where}Role {role!r} is not allowed for {event.type}"
                    problems.append(_not_among(problem, role, roles, ontology))
        if any(problems):
            raise DataError(f"Document {self.id!r}: {listed(filter(None, problems))}")

    def _repr_html_(self) -> str:
        """What a notebook shows: the marked text and a table, `render.fragment`; sentence types if there are no events."""
        from ahdath.render import fragment

        return fragment(self, sentences=not self.events and any(sentence.types for sentence in self.sentences))

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values, always with the same keys; `from_dict` gives an equal Document back."""
        return {
            "schema": SCHEMA_VERSION,
            "id": self.id,
            "text": self.text,
            "events": [event.to_dict() for event in self.events],
            "sentences": [sentence.to_dict() for sentence in self.sentences],
            "types": None if self.types is None else dict(self.types),
            "model": self.model,
            "ontology": self.ontology,
            "meta": dict(self.meta),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], ontology: Ontology | None = None) -> Document:
        """The Document of a dict as `to_dict` or the corpus files have it; only `text` is required.

        Scores default to 1, modality and polarity to the ontology's first values. With `ontology`, types,
        roles and attribute values are checked and the events carry it. Raises DataError for an unknown
        key, a wrong type, or a span that is not in the text, saying where.
        """
        body = _keys(data, "document", _DOCUMENT_KEYS, required=("text",))
        if body.get("schema", SCHEMA_VERSION) != SCHEMA_VERSION:
            refuse("document.schema", f"version {SCHEMA_VERSION}", shown(body["schema"]), "update ahdath")
        events = tuple_of(body.get("events", []), dict, "document.events")
        sentences = tuple_of(body.get("sentences", []), dict, "document.sentences")
        rest = {key: body[key] for key in ("id", "meta", "model", "ontology", "types") if key in body}
        document = cls(
            body["text"],
            tuple(_event(e, f"events[{n}]", ontology) for n, e in enumerate(events)),
            tuple(_sentence(s, f"sentences[{n}]") for n, s in enumerate(sentences)),
            **rest,
        )
        if ontology is not None:
            document.check(ontology)
        return document


# ---------------------------------------------------------------------- from plain values

_DOCUMENT_KEYS = ("schema", "id", "text", "events", "sentences", "types", "model", "ontology", "meta")
_EVENT_KEYS = ("type", "trigger", "modality", "polarity", "score", "arguments")
_ARGUMENT_KEYS = ("role", "text", "start", "end", "score")
_SENTENCE_KEYS = ("start", "end", "text", "types", "scores")
_SPAN_KEYS = ("text", "start", "end")


def _event(data: Any, where: str, ontology: Ontology | None) -> Event:
    body = _keys(data, where, _EVENT_KEYS, required=("type", "trigger"))
    span = _keys(body["trigger"], f"{where}.trigger", _SPAN_KEYS, required=_SPAN_KEYS)
    given = tuple_of(body.get("arguments", []), dict, f"{where}.arguments")
    rest: dict[str, Any] = dict(ontology.defaults) if ontology else {}
    rest.update({key: body[key] for key in ("modality", "polarity", "score") if key in body})
    arguments = tuple(_argument(a, f"{where}.arguments[{n}]") for n, a in enumerate(given))
    trigger = _placed(f"{where}.trigger", Span, **span)
    return _placed(where, Event, body["type"], trigger, arguments, ontology=ontology, **rest)


def _argument(data: Any, where: str) -> Argument:
    body = _keys(data, where, _ARGUMENT_KEYS, required=("role", *_SPAN_KEYS))
    span = _placed(where, Span, body["start"], body["end"], body["text"])
    return _placed(where, Argument, body["role"], span, body.get("score", 1.0))


def _sentence(data: Any, where: str) -> Sentence:
    return _placed(where, Sentence, **_keys(data, where, _SENTENCE_KEYS, required=_SPAN_KEYS))


def _placed(where: str, make: type[T], *args: Any, **kwargs: Any) -> T:
    """`make(...)`, an error of it with the place in the dict in front."""
    try:
        return make(*args, **kwargs)
    except AhdathError as error:
        raise DataError(f"{where}: {error}") from error


def _keys(value: Any, where: str, allowed: Sequence[str], required: Sequence[str]) -> dict[str, Any]:
    body = dict(mapping(value, where))
    for key in body:
        if key not in allowed:
            remedy = "put keys of your own under `meta`" if where == "document" else "remove it"
            found = shown(key) + did_you_mean(key, allowed)
            refuse(where, f"only the keys {', '.join(allowed)}", found, remedy)
    for key in required:
        if key not in body:
            refuse(f"{where}.{key}", "this key", "none; add it")
    return body


def _not_among(problem: str, name: str, allowed: Collection[str], ontology: Ontology) -> str:
    """The problem with what is allowed instead; empty if the name is allowed."""
    if name in allowed:
        return ""
    near = did_you_mean(name, allowed)
    return f"{problem}{near}; allowed: {', '.join(allowed) or 'none'} ({ontology.source})"


_set = object.__setattr__  # the instances are frozen
