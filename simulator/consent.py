"""The TikTok app's consent page, as an owner sees it on the phone after scanning a Business Center's code."""

from pathlib import Path
from typing import Final

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from simulator.authorizations import Grants, Outcome, approve, is_expired
from simulator.entities import Account, ConsentCode
from simulator.state import World

PAGES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
VERSIONS: Final = ("current", "outdated")

Text = tuple[str, str]
TEXTS: Final[dict[Outcome, Text]] = {
    "approved": ("Access approved", "{center} can now use @{handle} for ads, as you allowed."),
    "declined": ("Request declined", "{center} gets no access to @{handle}."),
    "app_outdated": ("Update your app", "This version of the app cannot grant access. Nothing was granted."),
    "code_expired": ("This code has expired", "Ask {center} for a new one. Nothing was granted."),
    "already_authorized": ("Already authorized", "{center} already had access to @{handle}; your choice was saved."),
    "bc_full": ("No room left", "{center} has reached its number of TikTok accounts. Nothing was granted."),
    "nothing_selected": ("Nothing selected", "You allowed nothing, so {center} gets no access to @{handle}."),
}


class Consent:
    """Handlers of the consent page."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[web.RouteDef]:
        """The route table."""
        return [web.get("/consent/{opaque}", self.show), web.post("/consent/{opaque}", self.decide)]

    async def show(self, request: web.Request) -> web.Response:
        """Who asks for what, and the two buttons."""
        now = self._world.settle()
        code = self._code(request)
        if code is None:
            return _unknown()
        center = self._world.centers[code.bc_id].name
        if is_expired(self._world, code, now):
            return _outcome("code_expired", center, "")
        wanted = request.query.get("as", "").removeprefix("@").casefold()
        page = PAGES.get_template("consent.html").render(
            center=center,
            ads_only=code.is_ads_only_mode,
            accounts=list(self._world.accounts.values()),
            selected=self._world.accounts.get(wanted),
        )
        return _html(page)

    async def decide(self, request: web.Request) -> web.Response:
        """Take the owner's decision and say what came of it."""
        form = await request.post()
        now = self._world.settle()
        code = self._code(request)
        if code is None:
            return _unknown()
        center = self._world.centers[code.bc_id]
        account = self._account(str(form.get("handle", "")))
        version, decision = form.get("app_version", "current"), form.get("decision")
        if account is None or version not in VERSIONS or decision not in {"approve", "decline"}:
            return _html(_page("invalid", "Something is missing", "Choose an account, then approve or decline."), 400)
        if decision == "decline":
            expired = is_expired(self._world, code, now)
            return _outcome("code_expired" if expired else "declined", center.name, account.handle)
        outcome = approve(
            self._world,
            account,
            center,
            Grants("posts" in form, "videos" in form, "live" in form, code.is_ads_only_mode),
            now=now,
            code=code,
            app_version="current" if version == "current" else "outdated",
        )
        return _outcome(outcome, center.name, account.handle)

    def _code(self, request: web.Request) -> ConsentCode | None:
        code = self._world.codes.get(request.match_info["opaque"])
        return code if code is not None and code.bc_id in self._world.centers else None

    def _account(self, handle: str) -> Account | None:
        return self._world.accounts.get(handle.removeprefix("@").casefold())


def _outcome(outcome: Outcome, center: str, handle: str) -> web.Response:
    title, text = TEXTS[outcome]
    return _html(_page(outcome, title, text.format(center=center, handle=handle)))


def _unknown() -> web.Response:
    return _html(_page("code_unknown", "Unknown code", "Scan the code again, or ask for a new one."), 404)


def _page(outcome: str, title: str, text: str) -> str:
    return PAGES.get_template("outcome.html").render(outcome=outcome, title=title, text=text)


def _html(page: str, status: int = 200) -> web.Response:
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return web.Response(text=page, status=status, content_type="text/html", headers=headers)
