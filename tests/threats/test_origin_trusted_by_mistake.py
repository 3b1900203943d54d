"""An origin written carelessly into the configuration lets others act in a visitor's name (CSR-02).

"https://" would be everybody's, "null" that of every sandboxed frame, and one with a path promises a fence there
is none of.
"""

from __future__ import annotations

import pytest

from admit.errors import ConfigError
from doors import authority

CARELESS = [
    "", "*", "null", "https://", "https://*", "https://*.example.com", "app.example.com", "//app.example.com",
    "https://app.example.com/", "https://app.example.com/path", "https://app.example.com?a=b",
    "https://app.example.com#a", "https://app ex.example.com", "https://app.example.com@evil.test",
    "https://app.example.com,https://evil.test", "file:///", "javascript:alert(1)",
]  # fmt: skip


@pytest.mark.parametrize("text", CARELESS)
def test_what_is_not_exactly_one_origin_is_refused_before_the_first_request(text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        authority(trusted_origins=["https://app.example.com", text])
    assert len(refused.value.faults) == 1
    assert "write" in refused.value.faults[0]
