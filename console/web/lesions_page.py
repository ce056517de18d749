"""The paths below /api/lesion: the photo and the notes of an order's lesion, for whoever sees orders; each thing attached or taken away is in the audit first.
What a photo may be is console/treat/picture.py's word; the pages of service have nothing of this."""

from __future__ import annotations

import asyncio
import base64
import binascii
from dataclasses import asdict
from typing import Annotated, Any, Final

from fastapi import FastAPI, Query, Request, Response
from pydantic import AfterValidator, BaseModel, Field

from console.treat import lesions
from console.treat.lesions import About
from console.treat.picture import BYTES
from console.treat.plain_words import plain
from console.web.api import Api, Desk, Done, RefusedError, Short, Strict, Token, told
from console.web.people import Person
from console.web.reading import Reading
from controller.prescribed import Prescribed
from hal.errors import ConfigurationError

COMMAND: Final = "lesion"
ORDERS: Final = "orders"
KINDS: Final = {"png": "image/png", "jpg": "image/jpeg"}
Note = Annotated[str, Field(min_length=1, max_length=400), AfterValidator(plain)]


class OfOrder(Strict):
    """The order that is shown, by its SHA-256; its name in the folder, or nothing for the one that is loaded."""

    order: Short = ""
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Photo(OfOrder):
    """The photo's bytes in base64."""

    photo: str


class Noted(OfOrder):
    """How the lesion is set up."""

    words: Note


class Away(OfOrder):
    """A photo or note that is wrong, by its number."""

    n: Annotated[int, Field(ge=1, le=2**53)]
    reason: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(plain)]


class Shown(BaseModel):
    """The photo that stands, if any, the notes, how much was replaced or taken away, and why nothing of it may be trusted."""

    photo: dict[str, Any] | None
    notes: list[dict[str, Any]]
    former: int
    wrong: list[str]


class LesionsPage:
    """Who asks is looked at first, then the very order, then the audit."""

    def __init__(self, desk: Desk, api: Api, reading: Reading) -> None:
        self._desk, self._api, self._reading = desk, api, reading
        self._turn = asyncio.Lock()

    def join(self, app: FastAPI) -> None:
        """Add every path to the application."""
        app.post("/api/lesion/about", responses=told(401, 409), tags=["lesions"])(self.about)
        app.post("/api/lesion/photo", responses=told(401, 409), tags=["lesions"])(self.attach)
        app.post("/api/lesion/note", responses=told(401, 409), tags=["lesions"])(self.note)
        app.post("/api/lesion/away", responses=told(401, 409), tags=["lesions"])(self.take_away)
        app.get("/api/lesion/photo", responses=told(401, 404, 503), tags=["lesions"], response_class=Response)(
            self.photo
        )

    async def about(self, request: Request, body: OfOrder) -> Shown:
        """What stands at the lesion of this order."""
        self._api.allowed(request, ORDERS)
        found: About = await asyncio.to_thread(self._desk.lesions.about, await self._order(body))
        return Shown(**asdict(found) | {"notes": [asdict(one) for one in found.notes], "wrong": list(found.wrong[:5])})

    async def photo(
        self, request: Request, name: Annotated[str, Query(pattern="^[0-9a-f]{64}[.](png|jpg)$")]
    ) -> Response:
        """The bytes of a photo."""
        self._reading.allowed(request, ORDERS)
        try:
            data = await self._reading.turn(self._desk.lesions.photo, name)
        except ConfigurationError as error:
            raise RefusedError(404, str(error)) from error
        return Response(data, media_type=KINDS[name.rpartition(".")[2]])

    async def attach(self, request: Request, body: Photo, token: Token) -> Done:
        """A photo of this order's lesion; it takes the place of the one before it."""
        person, order = await self._asked(request, body, token)
        if len(body.photo) > BYTES * 4 // 3 + 4:
            raise RefusedError(409, f"the photo is above {BYTES} bytes; first: take a smaller one")
        async with self._turn:
            await self._audited(person, body, do=lesions.PHOTO)
            name, n = await self._done(self._attached, order, body.photo, person)
        self._charted(person, body, lesions.PHOTO, n)
        return Done(words=f"attached: {name[:16]}")

    async def note(self, request: Request, body: Noted, token: Token) -> Done:
        """A note of how this lesion is set up."""
        person, order = await self._asked(request, body, token)
        await self._audited(person, body, do=lesions.NOTE)
        n = await self._done(self._desk.lesions.note, order, body.words, person.name, person.role)
        self._charted(person, body, lesions.NOTE, n)
        return Done(words="noted")

    async def take_away(self, request: Request, body: Away, token: Token) -> Done:
        """A photo or note is shown no more; it stays in the chain."""
        person, order = await self._asked(request, body, token)
        await self._audited(person, body, do=lesions.AWAY, n=body.n)
        n = await self._done(self._desk.lesions.take_away, order, body.n, body.reason, person.name, person.role)
        self._charted(person, body, lesions.AWAY, n)
        return Done(words="taken away")

    def _charted(self, person: Person, body: OfOrder, do: str, n: int) -> None:
        said: dict[str, str | int] = {
            "do": do,
            "entry": n,
            "order_sha256": body.sha256,
            "entry_sha256": self._desk.lesions.written(n),
        }
        self._desk.clerk.told("attached", person.name, person.role, **said)

    def _attached(self, order: Prescribed, packed: str, person: Person) -> tuple[str, int]:
        try:
            data = base64.b64decode(packed.encode("ascii"), validate=True)
        except (binascii.Error, UnicodeEncodeError) as error:
            raise ConfigurationError("the photo is no base64; first: attach it at the page Treat") from error
        return self._desk.lesions.attached(order, data, person.name, person.role)

    async def _asked(self, request: Request, body: OfOrder, token: str) -> tuple[Person, Prescribed]:
        return self._api.allowed(request, COMMAND, token), await self._order(body)

    async def _order(self, body: OfOrder) -> Prescribed:
        loaded = self._desk.fraction.loaded
        if not body.order and loaded is not None and loaded.prescribed.sha256.hex() == body.sha256:
            return loaded.prescribed
        found: Prescribed = await self._done(self._desk.orders.shown, body.order, body.sha256)
        return found

    async def _done(self, work: Any, *given: Any) -> Any:
        try:
            return await asyncio.to_thread(work, *given)
        except ConfigurationError as error:
            raise RefusedError(409, str(error)) from error

    async def _audited(self, person: Person, body: OfOrder, **what: str | int) -> None:
        said: dict[str, str | int] = {"order_sha256": body.sha256, **what}
        words = await self._desk.clerk.first("command", person.name, person.role, command=COMMAND, **said)
        if words:
            raise RefusedError(503, f"{COMMAND} is not done, because it cannot be audited: {words}")
