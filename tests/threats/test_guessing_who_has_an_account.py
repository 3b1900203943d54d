"""The answer to a sign-in, or the time it takes, tells who has an account here (ENU-01).

Compared is the processor time of the whole process, which other work on the machine does not change: an
account that is not there, is disabled or has no password costs the hash that a wrong password costs. Also
where the hash in the store was made under lower parameters than today's.
"""

from __future__ import annotations

import time
from statistics import median

import pytest

from admit.core.password import OWASP_2024, HashParameters
from admit.errors import BadCredential
from admit.stores.memory import MemoryStore
from admit.subjects import Subject
from services import ANOTHER, EMAIL, PASSWORD, Services, services

RAISED = HashParameters(memory=32_768, passes=3)
SAMPLES = 7
RUNS = 6
"""Costs that differ because of what is told differ in each; what else the machine does may spoil one."""


Said = tuple[str, str]


async def refused(here: Services, email: str, password: str) -> tuple[float, Said]:
    """Processor seconds of a refused sign-in, and all that a caller may read of it."""
    begun = time.process_time()
    with pytest.raises(BadCredential) as found:
        await here.accounts.sign_in(email, password)
    return time.process_time() - begun, (found.value.code, found.value.public)


async def alike(here: Services, *tries: tuple[str, str]) -> bool:
    """Whether every one of ``tries`` is refused in the same words and, in one run at least, at the same cost."""
    for _ in range(RUNS):
        samples = [[await refused(here, *one) for one in tries] for _ in range(SAMPLES)]
        if len({said for row in samples for _, said in row}) > 1:
            return False
        costs = [median(seconds for seconds, _ in column) for column in zip(*samples, strict=True)]
        if max(costs) < 1.5 * min(costs):
            return True
    return False


async def people(here: Services) -> list[str]:
    await here.accounts.create(EMAIL, PASSWORD)
    disabled = await here.accounts.create("disabled@example.com", PASSWORD)
    await here.subjects.change(disabled.id, Subject.disabled)
    await here.accounts.create("passwordless@example.com")
    return [EMAIL, "disabled@example.com", "passwordless@example.com", "nobody@example.com"]


async def test_every_refused_sign_in_costs_and_says_the_same() -> None:
    async with services(MemoryStore(), OWASP_2024) as here:
        emails = await people(here)
        assert await alike(here, *((email, ANOTHER) for email in emails))


async def test_an_account_that_has_not_signed_in_since_parameters_rose_does_not_answer_sooner() -> None:
    store = MemoryStore()
    async with services(store, OWASP_2024) as here:
        emails = await people(here)
    async with services(store, RAISED) as here:
        assert await alike(here, *((email, ANOTHER) for email in emails))


@pytest.mark.parametrize("parameters", [OWASP_2024, RAISED], ids=["the same parameters", "parameters have risen"])
async def test_a_disabled_account_does_not_tell_that_a_password_is_right(parameters: HashParameters) -> None:
    store = MemoryStore()
    async with services(store, OWASP_2024) as here:
        await people(here)
    async with services(store, parameters) as here:
        assert await alike(here, ("disabled@example.com", PASSWORD), (EMAIL, ANOTHER))
