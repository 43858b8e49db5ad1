"""Calls by ghz, and what it measured."""

import json
import math
import os
import resource
import statistics
import subprocess
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Measured:
    """One run of ghz. Times are milliseconds."""

    name: str
    calls: int
    seconds: float
    percentiles: dict[str, float]
    # How often each other status than OK came.
    refused: dict[str, int]
    # CPU seconds of ghz itself.
    cpu: float
    # The rate that was asked for, if one was.
    rate: float | None = None
    # Calls in each step of a scale of times, from its lowest time.
    histogram: list[tuple[float, int]] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        return self.calls / self.seconds if self.seconds else 0.0


class Ghz:
    """A deployment as ghz calls it."""

    def __init__(self, program: Path, protoset: Path, address: str, security: list[str], token: str, scratch: Path):
        self.program, self.protoset, self.address, self.security, self.scratch = program, protoset, address, security, scratch
        # In a file that nobody else can read, for command lines can be read by all.
        self.metadata = scratch / f"metadata-{address.replace(':', '-')}.json"
        descriptor = os.open(self.metadata, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump({"authorization": f"Bearer {token}"}, file)

    def start(self, name: str, call: str, data: object, options: list[str], callers: int) -> subprocess.Popen:
        file = self.scratch / f"{name}-data.json"
        file.write_text(json.dumps(data))
        command = [self.program, "--protoset", self.protoset, *self.security, "--metadata-file", self.metadata]
        command += ["--call", call, "--data-file", file, "--concurrency", str(callers)]
        command += ["--connections", str(min(callers, 4)), "--name", name, "--timeout", "60s"]
        command += [*options, "--format", "json", "--output", self.scratch / f"{name}.json", self.address]
        return subprocess.Popen(command)

    def end(self, name: str, process: subprocess.Popen, rate: float | None = None) -> Measured:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        if process.wait() != 0:
            raise SystemExit(f"ghz failed at {name}")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return measured(name, json.loads((self.scratch / f"{name}.json").read_text()), spent, rate)

    def run(self, name: str, call: str, data: object, options: list[str], callers: int, rate: float | None = None) -> Measured:
        if rate is not None:
            options = [*options, "--rps", str(max(1, round(rate)))]
        return self.end(name, self.start(name, call, data, options, callers), rate)


def measured(name: str, report: dict, cpu: float, rate: float | None) -> Measured:
    # Calls that were not answered took no time that says anything.
    times = sorted(call["latency"] / 1e6 for call in report["details"] if call["status"] == "OK")
    statuses = report["statusCodeDistribution"]
    return Measured(
        name=name,
        calls=report["count"],
        seconds=report["total"] / 1e9,
        percentiles={str(share): percentile(times, share) for share in (50, 90, 99, 99.9)},
        refused={status: count for status, count in statuses.items() if status != "OK"},
        cpu=cpu,
        rate=rate,
        histogram=histogram(times),
    )


def percentile(times: list[float], share: float) -> float:
    """The least time within which so many of a hundred calls were answered; 0 where none was."""
    return times[math.ceil(share / 100 * len(times)) - 1] if times else 0.0


def histogram(times: list[float]) -> list[tuple[float, int]]:
    """Ten steps for each tenfold."""
    counts: dict[int, int] = {}
    for time in times:
        step = math.floor(10 * math.log10(max(time, 1e-3)))
        counts[step] = counts.get(step, 0) + 1
    return [(10 ** (step / 10), counts[step]) for step in sorted(counts)]


def middle(rounds: list[Measured]) -> Measured:
    """The round of the median rate."""
    median = statistics.median_low([round.per_second for round in rounds])
    return next(round for round in rounds if round.per_second == median)
