"""Email addresses: what counts as exactly one, and where its mail goes."""

from __future__ import annotations

import email_validator

# People host mail for names such as `home.local` and `test`; the library allows that in this way.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()


def mail_address(text: str) -> str | None:
    """Return the address that mail to `text` goes to, with the domain in its ASCII form (IDNA).

    `None` if `text` is not one plain address: a list, a comment, a name beside it, quotes, a domain
    literal and a route (`a%other.example@…`, `other.example!a@…`) are refused. The part before
    the `@` may have other letters, which needs a mail server with SMTPUTF8.
    """
    # An encoded word, which mail programs would decode; routes, which mail servers would follow.
    if "=?" in text or "%" in text or "!" in text:
        return None
    try:
        address = email_validator.validate_email(
            text,
            check_deliverability=False,
            allow_smtputf8=True,
            allow_quoted_local=False,
            allow_domain_literal=False,
            allow_display_name=False,
            globally_deliverable=False,
        )
    except email_validator.EmailNotValidError:
        return None
    return f"{address.local_part}@{address.ascii_domain}"
