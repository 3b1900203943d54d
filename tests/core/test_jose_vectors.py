"""Other people's cases: Wycheproof, the cookbooks of RFC 7520, 7797 and 8037, and thumbprints."""

from __future__ import annotations

import json
from typing import Any

import pytest

from admit.core import jose
from admit.core.algorithms import ALGORITHMS
from admit.core.jwk import SigningKey, VerifyingKey, key_set, thumbprint
from admit.core.secret import written
from admit.errors import BadCredential, BadInput
from core.vectors import load


def accepts(read: Any, check: Any) -> bool:
    """Whether the key is fit and the check passes. Any error that is not ours fails the test."""
    try:
        check(read())
    except (BadCredential, BadInput):
        return False
    return True


def test_wycheproof_jws(record_property: Any) -> None:
    unfair = load("wycheproof/KNOWN_BAD_EXPECTATIONS.json")["json_web_signature_test.json"]
    ran, good, wrong = 0, 0, []
    for group in load("wycheproof/json_web_signature_test.json")["testGroups"]:
        jwk = group.get("public", group["private"])
        for case in group["tests"]:
            if str(case["tcId"]) in unfair:
                continue
            # An algorithm outside our table is refused, however good the signature.
            expected = case["result"] == "valid" and jwk["alg"] in ALGORITHMS
            found = accepts(
                lambda jwk=jwk: VerifyingKey.from_jwk(jwk),
                lambda key, case=case: jose.verify_compact(case["jws"], key),
            )
            ran, good = ran + 1, good + found
            if found is not expected:
                wrong.append((case["tcId"], case["comment"], case["result"]))
    record_property("note", f"{ran} cases, {good} of them good; {len(unfair)} with unfair labels left out")
    assert wrong == []
    assert ran + len(unfair) == 401
    assert good


RAW = {
    "ecdsa_secp256r1_sha256_p1363_test": "ES256",
    "ed25519_test": "Ed25519",
    "rsa_signature_2048_sha256_test": "RS256",
    "hmac_sha256_test": "HS256",
}


def raw_key(alg: str, group: Any, case: Any) -> VerifyingKey:
    if alg == "HS256":
        return VerifyingKey.from_jwk({"kty": "oct", "k": written(bytes.fromhex(case["key"]))}, alg)
    return VerifyingKey.from_pem(group["publicKeyPem"].encode(), alg)


def out_of_profile(alg: str, group: Any) -> bool:
    """What Wycheproof calls valid and JOSE or our key checks do not: short MACs and keys, a tiny exponent."""
    if alg == "HS256":
        return bool(group["tagSize"] != 256 or group["keySize"] < 256)
    return alg == "RS256" and int(group["publicKey"]["publicExponent"], 16) < 65_537


@pytest.mark.parametrize("name", RAW)
def test_wycheproof_raw_signatures(name: str, record_property: Any) -> None:
    ran, good, wrong = 0, 0, []
    for group in load(f"wycheproof/{name}.json")["testGroups"]:
        for case in group["tests"]:
            data = bytes.fromhex(case["msg"])
            signature = bytes.fromhex(case.get("sig") or case.get("tag") or "")
            found = accepts(
                lambda group=group, case=case: raw_key(RAW[name], group, case),
                lambda key, data=data, signature=signature: key.verify(data, signature, RAW[name]),
            )
            ran, good = ran + 1, good + found
            expected = case["result"] == "valid" and not out_of_profile(RAW[name], group)
            if found is not expected:
                wrong.append((case["tcId"], case["comment"], case["result"]))
    record_property("note", f"{name}: {ran} cases, {good} of them good")
    assert wrong == []
    assert good


COOKBOOK = {
    "jws/4_1.rsa_v15_signature": "RS256",
    "jws/4_3.ecdsa_signature": None,
    "jws/4_2.rsa-pss_signature": None,
    "jws/4_4.hmac-sha2_integrity_protection": "HS256",
    "curve25519/jws": "EdDSA",
}


@pytest.mark.parametrize("name", COOKBOOK)
def test_the_cookbook_is_read_and_its_other_algorithms_are_refused(name: str) -> None:
    example = load(f"cookbook/{name}.json")
    given, said = example["input"], example["input"]["alg"]
    public = {part: value for part, value in given["key"].items() if part not in {"d", "p", "q", "dp", "dq", "qi"}}
    if COOKBOOK[name] is None:
        with pytest.raises(BadInput):
            VerifyingKey.from_jwk(public, said)
        return
    verifying = VerifyingKey.from_jwk(public, said)
    assert jose.verify_compact(example["output"]["compact"], verifying) == given["payload"].encode()
    signing = SigningKey.from_jwk(given["key"], said)
    signed = example["signing"]["sig-input"].encode()
    assert written(signing.sign(signed)) == example["signing"]["sig"]  # deterministic, so the same bytes


@pytest.mark.parametrize("name", ["4_5.signature_with_detached_content", "4_6.protecting_specific_header_fields"])
def test_other_forms_of_the_cookbook_are_refused(name: str) -> None:
    example = load(f"cookbook/jws/{name}.json")
    key = VerifyingKey.from_jwk(example["input"]["key"], "HS256")
    for form in example["output"].values():
        with pytest.raises(BadCredential):
            jose.verify_compact(form if isinstance(form, str) else json.dumps(form), key)


def test_unencoded_payloads_are_refused() -> None:
    example = load("cookbook/rfc7797/hmac-sha2_b64_false.json")
    key = VerifyingKey.from_jwk(example["input"]["key"], "HS256")
    with pytest.raises(BadCredential):
        jose.verify_compact(example["output"]["compact"], key)


@pytest.mark.parametrize(("name", "alg"), [("rfc7638_3.1", "RS256"), ("rfc8037_A.3", "EdDSA")])
def test_thumbprints(name: str, alg: str) -> None:
    example = load("rfc-vectors.json")[name]
    key = VerifyingKey.from_jwk(example["jwk"], alg)
    assert key.kid == thumbprint(alg, key.material) == example["thumbprint_sha256"]


def test_the_thumbprint_of_rfc_9449() -> None:
    example = load("rfc-vectors.json")["rfc9449_examples"]
    assert VerifyingKey.from_jwk(example["jwk"], "ES256").kid == example["jkt"]


@pytest.mark.parametrize("name", ["3_4.rsa_private_key", "3_5.symmetric_key_mac_computation"])
def test_no_secret_of_the_cookbook_passes_in_a_published_set(name: str) -> None:
    published = json.dumps({"keys": [load(f"cookbook/jwk/{name}.json")]}).encode()
    with pytest.raises(BadInput, match="secret"):
        key_set(published)
