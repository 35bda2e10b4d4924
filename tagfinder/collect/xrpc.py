"""The few calls to Bluesky's servers that collecting needs."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from tagfinder.collect.json_access import as_dict, as_list
from tagfinder.collect.records import view_labels
from tagfinder.collect.retry import Patience
from tagfinder.collect.web import PatientSession
from tagfinder.errors import InputError, WorkError

NAME_VARIABLE = "BLUESKY_HANDLE"
PASSWORD_VARIABLE = "BLUESKY_APP_PASSWORD"
PROFILES_OF_A_CALL = 25


class Xrpc:
    """Calls methods of a server, logged in where the environment has an account.

    Args:
        address: of the server.
        patience: how long to wait.
        log_in: whether the methods need an account (BLUESKY_HANDLE, BLUESKY_APP_PASSWORD).
    """

    def __init__(self, address: str, patience: Patience, *, log_in: bool) -> None:
        self._address = address.rstrip("/")
        self._log_in_wanted = log_in
        self._token: str | None = None
        self._session = PatientSession(
            patience, advice=f"set {NAME_VARIABLE} and {PASSWORD_VARIABLE} (an app password)"
        )

    def get(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Call a query and return its answer.

        Raises:
            InputError: the server refuses or does not understand.
            WorkError: it fails again and again.
        """
        if self._log_in_wanted and self._token is None:
            self._token = self._log_in()
        answer = self._call("GET", method, params=parameters)
        if answer.get("error") == "ExpiredToken":
            self._token = None
            self._token = self._log_in()
            answer = self._call("GET", method, params=parameters)
        return self._checked(answer, method)

    def profiles(self, dids: Iterable[str]) -> dict[str, set[str]]:
        """Return the labels of accounts, 25 accounts a call; the ones that are gone are missing."""
        rest = list(dids)
        found: dict[str, set[str]] = {}
        for start in range(0, len(rest), PROFILES_OF_A_CALL):
            chunk = rest[start : start + PROFILES_OF_A_CALL]
            answer = self.get("app.bsky.actor.getProfiles", {"actors": chunk})
            for profile in map(as_dict, as_list(answer.get("profiles"))):
                if isinstance(profile.get("did"), str):
                    found[profile["did"]] = view_labels(profile)
        return found

    def _log_in(self) -> str | None:
        name, password = os.environ.get(NAME_VARIABLE), os.environ.get(PASSWORD_VARIABLE)
        if not name or not password:
            return None
        method = "com.atproto.server.createSession"
        answer = self._call("POST", method, json={"identifier": name, "password": password})
        return str(self._checked(answer, method).get("accessJwt"))

    def _call(self, verb: str, method: str, **content: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        url = f"{self._address}/xrpc/{method}"
        response = self._session.request(verb, url, headers=headers, **content)
        try:
            answer = response.json()
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise WorkError(f"{url}: answers {response.status_code} without JSON")
        return answer

    def _checked(self, answer: dict[str, Any], method: str) -> dict[str, Any]:
        if "error" in answer:
            says = answer.get("message") or answer["error"]
            raise InputError(f"{self._address}: {method} says: {says}")
        return answer
