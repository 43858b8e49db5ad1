"""What the services and Redis tell of themselves."""

import re
import subprocess
import urllib.request

SAMPLE = re.compile(r'^(?P<name>[a-z_:]+)(?:\{(?P<labels>[^}]*)\})? (?P<value>\S+)$', re.MULTILINE)
LABEL = re.compile(r'(\w+)="([^"]*)"')


class Deployment:
    """Replicas, each a service and the address of its admin port; and their Redis."""

    def __init__(self, admin: list[tuple[str, str]], redis: str | None):
        self.admin, self.redis = admin, redis

    def look(self) -> "Look":
        return Look(self.samples(self.admin), self.redis_info("cpu"))

    def verifications(self) -> float:
        """Reports that were written since the start."""
        samples = self.samples([replica for replica in self.admin if replica[0] == "report-svc"])
        name = "bonafide_verification_duration_seconds_count"
        return sum(value for (_, found, _), value in samples.items() if found == name)

    def samples(self, replicas: list[tuple[str, str]]) -> dict:
        """By service, name and labels, over its replicas."""
        samples = {}
        for service, address in replicas:
            with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
                text = answer.read().decode()
            for found in SAMPLE.finditer(text):
                labels = tuple(sorted(LABEL.findall(found["labels"] or "")))
                sample = service, found["name"], labels
                samples[sample] = samples.get(sample, 0.0) + float(found["value"])
        return samples

    def redis_info(self, section: str) -> dict[str, str]:
        if self.redis is None:
            return {}
        host, port = self.redis.rsplit(":", 1)
        command = ["redis-cli", "-h", host, "-p", port, "info", section]
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)


class Look:
    """All samples at one moment."""

    def __init__(self, samples: dict, redis: dict[str, str]):
        self.samples, self.redis = samples, redis

    def cpu(self) -> dict[str, float]:
        """CPU seconds of each process since its start."""
        spent = {s: v for (s, name, _), v in self.samples.items() if name == "process_cpu_time_seconds_total"}
        if self.redis:
            spent["redis"] = float(self.redis["used_cpu_user"]) + float(self.redis["used_cpu_sys"])
        return spent

    def memory(self) -> dict[str, float]:
        """Resident bytes of each process."""
        return {s: v for (s, name, _), v in self.samples.items() if name == "process_memory_usage_bytes"}

    def stages(self) -> dict[str, float]:
        """Seconds spent in each stage since the start."""
        name, spent = "bonafide_stage_duration_seconds_sum", {}
        for (_, found, labels), value in self.samples.items():
            if found == name:
                stage = dict(labels)["stage"]
                spent[stage] = spent.get(stage, 0.0) + value
        return spent


def since(after: dict[str, float], before: dict[str, float]) -> dict[str, float]:
    return {key: value - before.get(key, 0.0) for key, value in after.items()}
