"""The promises of :class:`admit.core.store.Store` as tests: inherit them, say how your store is made, run pytest.

    class TestMine(StoreContract):
        @pytest.fixture
        def make(self, tmp_path):
            return lambda: MyStore(tmp_path / secrets.token_hex(4))

Nothing here sleeps, skips or expects to fail. All ids begin with one letter, so that a partitioned store can
keep the promises too.
"""

from __future__ import annotations

from admit.testing.contract_commits import CommitContract
from admit.testing.contract_counts import CountContract
from admit.testing.contract_dumps import DumpContract
from admit.testing.contract_logs import LogContract
from admit.testing.contract_reads import ReadContract
from admit.testing.contract_tails import TailContract

__all__ = ["StoreContract"]


class StoreContract(ReadContract, CommitContract, LogContract, TailContract, CountContract, DumpContract):
    """Every promise of a store. ``make`` returns a new and empty one, not yet opened, each time it is called."""
