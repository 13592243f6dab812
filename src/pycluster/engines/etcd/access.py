"""How etcd is reached: the members' URLs, what proves them to us and us to them."""

from __future__ import annotations

import os
import ssl

import msgspec

from pycluster.kernel.errors import LocalMisuse
from pycluster.kernel.url import Url

#: Bytes of a password file; the rest would be no password.
_PASSWORD_MAX = 4_096


class Access(msgspec.Struct, frozen=True):
    """``ca_file`` empty: the machine's own authorities. ``cert_file`` and ``key_file``: this agent's certificate.
    ``user`` empty: etcd asks for none.
    """

    urls: tuple[Url, ...]
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    user: str = ""
    password_file: str = ""

    def tls(self) -> ssl.SSLContext | None:
        """What encrypts; None where no member's URL wants it. Raises ``LocalMisuse`` for files that cannot be used."""
        if not any(url.secure for url in self.urls):
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca_file or None)
            if self.cert_file:
                context.load_cert_chain(self.cert_file, self.key_file or None)
        except (OSError, ValueError) as error:
            files = ", ".join(filter(None, (self.ca_file, self.cert_file, self.key_file)))
            raise LocalMisuse(
                f"the certificates for etcd cannot be used ({files})",
                why=_reason(error),
                remedy="see [state] in the settings",
            ) from error
        return context

    def password(self) -> str:
        """Read anew for each log-in, so that it may be changed; raises ``LocalMisuse``."""
        try:
            with open(self.password_file, "rb") as file:
                return file.read(_PASSWORD_MAX).decode().rstrip("\r\n")
        except (OSError, ValueError) as error:
            raise LocalMisuse(
                f"{self.password_file} cannot be read", why=_reason(error), remedy="it holds etcd's password"
            ) from error


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return error.reason or str(error)
    return (os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "") or str(error)
