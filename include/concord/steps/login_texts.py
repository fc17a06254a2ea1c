"""What people read of a partner that refuses us: what was sent, what is safe, what to press. No secret."""

from __future__ import annotations

from concord.circuit import PAUSE
from concord.contract import Feed
from concord.incidents import Text

SAFE = "Nothing was fetched or changed; nobody loses coverage because a file could not be fetched."


def host_not_trusted(feed: Feed, error: Exception) -> Text:
    """For a server that is not the pinned one."""
    conn_id = feed.source.conn_id
    return Text(
        f"SECURITY: {feed.partner}: connection {conn_id} does not lead to the pinned server",
        _head(feed, f"{error}."),
        "the connection was given up before a user name, a password or a file name was sent, and each watch run "
        f"does so again. {SAFE}",
        "nothing before the partner confirmed the new key's fingerprint over another channel (a phone number "
        f"that you know). Then put it into host_key of {conn_id}, as a second line while both are in use. If the "
        "partner changed nothing, somebody else answers: tell security, and leave the connection as it is.",
    )


def login_refused(feed: Feed, error: Exception) -> Text:
    """For a login that the partner refused."""
    return Text(
        f"{feed.partner}: the login of connection {feed.source.conn_id} was refused",
        _head(feed, f"{error}."),
        f"{SAFE} The next watch run tries once more, then nobody does, so that the account is not locked.",
        "ask the partner whether password, key or account changed, and mend the connection in Airflow.",
    )


def logins_blocked(feed: Feed, refused: int) -> Text:
    """For a connection at which nobody tries to log in any more."""
    conn_id, hours = feed.source.conn_id, PAUSE.total_seconds() / 3600
    return Text(
        f"{feed.partner}: no further login is tried at connection {conn_id}",
        _head(
            feed,
            f"{refused} logins in a row were refused. No watch run tries another for {hours:.0f} hours, and then one, "
            "so that the account is not locked.",
        ),
        SAFE,
        "ask the partner whether password, key or account changed, mend the connection in Airflow, then "
        f"concord unblock {conn_id} --reason …, and trigger {feed.name}_watch. The incident closes when a login "
        "succeeds.",
    )


def _head(feed: Feed, state: str) -> str:
    return f"Partner {feed.partner}, feed {feed.name}, connection {feed.source.conn_id}, no delivery: {state}"
