"""What people read of a partner that refuses us: what was sent, what is safe, what to press. No secret."""

from __future__ import annotations

from concord.circuit import PAUSE
from concord.contract import Feed

SAFE = "Nothing was fetched or changed; nobody loses coverage because a file could not be fetched."


def host_not_trusted(feed: Feed, error: Exception) -> tuple[str, str]:
    """For a server that is not the pinned one."""
    conn_id = feed.source.conn_id
    subject = f"SECURITY: {feed.partner}: connection {conn_id} does not lead to the pinned server"
    text = (
        f"Partner {feed.partner}, feed {feed.name}, connection {conn_id}: {error}.\n\n"
        "Safe: the connection was given up before a user name, a password or a file name was sent, and each watch run "
        f"does so again. {SAFE}\n\n"
        "Press: nothing before the partner confirmed the new key's fingerprint over another channel (a phone number "
        f"that you know). Then put it into host_key of {conn_id}, as a second line while both are in use. If the "
        "partner changed nothing, somebody else answers: tell security, and leave the connection as it is."
    )
    return subject, text


def login_refused(feed: Feed, error: Exception) -> tuple[str, str]:
    """For a login that the partner refused."""
    conn_id = feed.source.conn_id
    subject = f"{feed.partner}: the login of connection {conn_id} was refused"
    text = (
        f"Partner {feed.partner}, feed {feed.name}, connection {conn_id}: {error}.\n\n"
        f"Safe: {SAFE} The next watch run tries once more, then nobody does, so that the account is not locked.\n\n"
        "Press: ask the partner whether password, key or account changed, and mend the connection in Airflow."
    )
    return subject, text


def logins_blocked(feed: Feed, refused: int) -> tuple[str, str]:
    """For a connection at which nobody tries to log in any more."""
    conn_id, watch = feed.source.conn_id, f"{feed.name}_watch"
    subject = f"{feed.partner}: no further login is tried at connection {conn_id}"
    text = (
        f"Partner {feed.partner}, feed {feed.name}, connection {conn_id}: {refused} logins in a row were refused. No "
        f"watch run tries another for {PAUSE.total_seconds() / 3600:.0f} hours, and then one, so that the account is "
        "not locked.\n\n"
        f"Safe: {SAFE}\n\n"
        "Press: ask the partner whether password, key or account changed, mend the connection in Airflow, then "
        f"concord unblock {conn_id} --reason …, and trigger {watch}. The incident closes when a login succeeds."
    )
    return subject, text
