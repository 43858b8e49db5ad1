"""Verifies a person: python example.py ADDRESS KEY_FILE DOCUMENT SELFIE [CA_FILE]."""

import sys
from pathlib import Path

import bonafide
from bonafide.identity.v1 import (
    IMAGE_PURPOSE_DOCUMENT_FRONT,
    IMAGE_PURPOSE_SELFIE,
    VERIFICATION_TYPE_DOCUMENT,
    DocumentOptions,
    VerificationErrorCode,
    VerificationSessionOptions,
    VerificationSessionStatus,
)


def verify(client: bonafide.Client, document: bytes, selfie: bytes) -> None:
    """Opens a session, does the person's part, and prints what was found."""
    # The backend opens a session ...
    options = VerificationSessionOptions(document=DocumentOptions(require_matching_selfie=True))
    session = client.sessions.create(type=VERIFICATION_TYPE_DOCUMENT, options=options)

    # ... the person's device uploads and submits with the session's client secret ...
    person = client.person(session)
    person.upload(IMAGE_PURPOSE_DOCUMENT_FRONT, document)
    person.upload(IMAGE_PURPOSE_SELFIE, selfie)
    person.submit()

    # ... and the backend waits for the outcome and reads the report.
    session = client.sessions.wait(session.id)
    report = client.reports.get(session.last_verification_report)
    print("status:", VerificationSessionStatus.Name(session.status))
    if session.HasField("last_error"):
        print("last error:", VerificationErrorCode.Name(session.last_error.code), session.last_error.reason)
    print("name:", report.document.first_name, report.document.last_name)
    if report.insights.selfie.HasField("similarity"):
        print(f"similarity: {report.insights.selfie.similarity:.3f}")


def main() -> None:
    """Does it with what the command line says."""
    if len(sys.argv) not in (5, 6):
        sys.exit("usage: example.py ADDRESS KEY_FILE DOCUMENT SELFIE [CA_FILE]")
    address, key_file, document, selfie = sys.argv[1:5]
    key = Path(key_file).read_text().strip()
    try:
        with bonafide.Client(address, key, ca_file=sys.argv[5] if sys.argv[5:] else None) as client:
            verify(client, Path(document).read_bytes(), Path(selfie).read_bytes())
    except (bonafide.Error, OSError, ValueError) as error:
        sys.exit(f"example.py: {error}")


if __name__ == "__main__":
    main()
