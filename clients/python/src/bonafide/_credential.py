"""An API key or a client secret, which nothing prints."""

from __future__ import annotations


class Credential:
    """What a call is authorized by."""

    __slots__ = ("_value",)

    def __init__(self, value: str, what: str) -> None:
        # grpcio would say so, too, with the value in its message.
        if not value or not all("!" <= character <= "~" for character in value):
            raise ValueError(f"{what} must be visible ASCII characters without spaces, and is not")
        self._value = value

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What a call carries."""
        return (("authorization", f"Bearer {self._value}"),)

    def hide(self, text: str) -> str:
        """A text without the value, which a server may have repeated."""
        return text.replace(self._value, "***")

    def __repr__(self) -> str:
        return "Credential(…)"
