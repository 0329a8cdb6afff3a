"""Activities that tell people what happened: every notification to the log, and to the webhook if there is one."""

import logging
from collections.abc import Iterable, Iterator
from datetime import timedelta
from time import monotonic

from temporalio import activity

from activities.members import Members
from activities.webhook import NotTaken, Webhook
from sparkads.contracts.base import Contract
from sparkads.contracts.notification import AskNotifications, Notification, Notifications
from sparkads.roles import Action
from store import notifications
from store.database import Pool

LEASE = timedelta(seconds=30)
"""For one POST, which takes 10 seconds at most, and for noting how it went."""

BUDGET_SECONDS = 60.0
"""After which `deliver_notifications` starts no further POST, and answers."""

ANSWER_BYTES = 500_000
"""Of the texts and data in one answer: Temporal warns from 512 kB on and refuses 2 MB."""

logger = logging.getLogger(__name__)


class Delivered(Contract):
    """What a delivery came to. `left` > 0 without an error: somebody else delivers, or time was up."""

    delivered: int
    left: int
    last_error: str = ""


class ListNotifications(Contract):
    """Who asks which Business Center what people were told."""

    bc_id: str
    ask: AskNotifications


class NotificationActivities:
    """Needs the store, the role check and, if there is a receiver, the webhook (entered)."""

    def __init__(self, db: Pool, members: Members, webhook: Webhook | None) -> None:
        """Share the process's connections; without a webhook the log is all that is told."""
        self._db = db
        self._members = members
        self._webhook = webhook

    @activity.defn
    async def deliver_notifications(self, bc_id: str) -> Delivered:
        """
        Tell what is in the outbox of a Business Center, in order, each by one deliverer at a time.

        Takes at most 70 seconds. A receiver that does not take a notification keeps it and all later ones for the next
        call, and is no failure: nobody's work waits for it.
        """
        for one in await notifications.take_unlogged(self._db, bc_id):
            logger.info(
                "notification %d, Business Center %s, %s, %s: %s",
                one.id,
                one.bc_id,
                one.kind.value,
                _one_line(one.subject),
                _one_line(one.text),
            )
        if self._webhook is None:
            count = await notifications.mark_logged_delivered(self._db, bc_id)
        else:
            count = await self._send(self._webhook, bc_id)
        left, error = await notifications.waiting(self._db, bc_id)
        return Delivered(delivered=count, left=left, last_error=error)

    async def _send(self, webhook: Webhook, bc_id: str) -> int:
        count, until = 0, monotonic() + BUDGET_SECONDS
        while monotonic() < until:
            claim = await notifications.undelivered(self._db, bc_id, lease=LEASE)
            if claim is None:
                break
            try:
                await webhook.post(claim.notification)
            except NotTaken as error:
                await notifications.mark_failed(self._db, claim, str(error))
                logger.warning("webhook, notification %d, attempt %d: %s", claim.notification.id, claim.attempt, error)
                break
            await notifications.mark_delivered(self._db, claim.notification.id)
            count += 1
        return count

    @activity.defn
    async def list_notifications(self, question: ListNotifications) -> Notifications:
        """What people were told, for admins (R2); the newest as far as they fit into one answer."""
        ask = question.ask
        await self._members.require(question.bc_id, ask.actor, Action.SEE_NOTIFICATIONS)
        found = await notifications.newest(self._db, question.bc_id, kinds=ask.kinds, limit=ask.limit)
        fitting = list(_fitting(reversed(found)))
        left, error = await notifications.waiting(self._db, question.bc_id)
        return Notifications(notifications=tuple(reversed(fitting)), undelivered=left, last_error=error)


def _fitting(newest_first: Iterable[Notification]) -> Iterator[Notification]:
    room = ANSWER_BYTES
    for one in newest_first:
        room -= len(one.model_dump_json().encode())
        if room < 0:
            return
        yield one


def _one_line(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
