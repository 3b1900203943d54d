"""A Flask service with no store of its own: it takes the tokens of an authority elsewhere, and hears at once what ended.

Start it with `flask --app examples.flask_verifying run`, with ISSUER and VERIFIER_KEY (from `admit verifiers create`) set.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from flask import Flask, Response, g

from admit import Verifier
from admit.guards.flask import install, required

issuer = os.environ.get("ISSUER", "http://127.0.0.1:8000/auth")
gate = Verifier(issuer, audience=os.environ.get("AUDIENCE", issuer), key=os.environ.get("VERIFIER_KEY", "adm_v_"))
payments = gate.within(0.3, outage="closed")

app = Flask("links")
install(app, gate)


@app.get("/links")
@required(gate, "links:read")
def links() -> dict[str, str]:
    """Who holds the scope."""
    return {"links of": g.principal.subject}


@app.post("/payments")
@required(payments, "links:write")
def pay() -> dict[str, str]:
    """Who holds the scope, as far as that is known to be so not a third of a second ago."""
    return {"paid by": g.principal.subject}


@app.get("/news")
@required(gate)
def news() -> Response:
    """Open until the visitor leaves, or is not signed in any more."""
    who = g.principal

    def lines() -> Iterator[bytes]:
        yield f"hello {who.subject}\n".encode()
        while not gate.sync.over(who, within=15):
            yield b"still here\n"

    return Response(lines(), mimetype="text/plain")
