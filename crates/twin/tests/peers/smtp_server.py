"""A mail server for tests, of aiosmtpd.

    smtp_server.py PORT [--tls CERT KEY] [--wrapped CERT KEY] [--user NAME PASSWORD]

Prints `ready PORT`, then a line of JSON for every message that it took (what the envelope and the parsed message say) and for every refusal.
The address decides what a recipient gets: `busy.N@…` is refused with 450 the first N times, `unknown@…` always with 550. With --tls nothing is
taken before STARTTLS; with --user nothing before that user has signed in.
"""

import argparse
import email
import email.policy
import json
import ssl
import sys
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword


def say(**what):
    print(json.dumps(what), flush=True)


class Handler:
    def __init__(self):
        self.refused = {}

    async def handle_RCPT(self, server, session, envelope, address, options):
        local = address.split("@")[0]
        if local == "unknown":
            say(refused=550, to=address)
            return "550 5.1.1 no such mailbox"
        if local.startswith("busy."):
            times = self.refused.get(address, 0)
            if times < int(local.split(".")[1]):
                self.refused[address] = times + 1
                say(refused=450, to=address)
                return "450 4.2.0 come back later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        say(
            envelope_from=envelope.mail_from,
            envelope_to=envelope.rcpt_tos,
            tls=server.transport.get_extra_info("sslcontext") is not None,
            user=session.auth_data.decode() if isinstance(session.auth_data, bytes) else None,
            headers={k: str(v) for k, v in message.items()},
            defects=[type(d).__name__ for part in message.walk() for d in part.defects],
            date=message["Date"].datetime.isoformat() if message["Date"] else None,
            text=message.get_content(),
            octets_7bit=all(b < 128 for b in envelope.content),
        )
        return "250 taken"


def context(cert, key):
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.load_cert_chain(cert, key)
    return made


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--tls", nargs=2)
    parser.add_argument("--wrapped", nargs=2)
    parser.add_argument("--user", nargs=2)
    a = parser.parse_args()

    def authenticate(server, session, envelope, mechanism, data):
        good = isinstance(data, LoginPassword) and [data.login.decode(), data.password.decode()] == a.user
        if not good:
            say(refused=535, mechanism=mechanism)
        return AuthResult(success=good, handled=False, auth_data=data.login if good else None)

    options = {"hostname": "127.0.0.1", "port": a.port}
    if a.tls:
        options.update(tls_context=context(*a.tls), require_starttls=True)
    if a.wrapped:
        options.update(ssl_context=context(*a.wrapped))
    if a.user:
        # aiosmtpd counts only STARTTLS as protection, so that it must be told that a wrapped connection is protected too.
        options.update(authenticator=authenticate, auth_required=True, auth_require_tls=bool(a.tls))
    controller = Controller(Handler(), **options)
    controller.start()
    port = controller.server.sockets[0].getsockname()[1]
    print(f"ready {port}", flush=True)
    # Until the test lets go of its end.
    stopped = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), stopped.set()), daemon=True).start()
    stopped.wait()
    controller.stop()


if __name__ == "__main__":
    main()
