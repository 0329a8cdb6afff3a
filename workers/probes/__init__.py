"""
The questions of `python -m workers probe`, by subject and in the order in which they are asked.

Each is about a fact that the product relies on and that public sources leave open or contradict each other about; all
of those facts are in docs/tiktok.md. None creates, changes or spends anything: POST stands only where TikTok wants it
for a read, and the calls for a QR code issue an address that nobody is shown.
"""

from typing import Final

from workers.probes import ad_accounts, ads, business_center, files, identities, signals
from workers.probes.answers import Probe

ALL: Final[tuple[Probe, ...]] = (
    *business_center.PROBES,
    *ad_accounts.PROBES,
    *identities.PROBES,
    *files.PROBES,
    *ads.PROBES,
    *signals.PROBES,
)
