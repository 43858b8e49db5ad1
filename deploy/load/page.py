"""What was measured, as tables and as a page."""

import html as escape
import math

HEAD = """| work | asked for | calls | per second | p50 ms | p90 | p99 | p99.9 | not OK |
|---|---|---|---|---|---|---|---|---|"""

# Where a row has the 99th percentile.
P99 = 6

STYLE = """body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; width: 100% } td, th { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid #ddd }
td:first-child, th:first-child { text-align: left } td.late { color: #b00020; font-weight: 600 } svg { vertical-align: middle }
code { background: #f4f4f4; padding: .1rem .3rem }"""


def row(measured) -> str:
    cells = cells_of(vars(measured) | {"per_second": measured.per_second})
    return f"| {' | '.join(cells)} |"


def cells_of(call: dict) -> list[str]:
    refused = ", ".join(f"{count} {status}" for status, count in call["refused"].items()) or "none"
    times = [f"{call['percentiles'][share]:.1f}" for share in ("50", "90", "99", "99.9")]
    asked = "" if call["rate"] is None else f"{call['rate']:.0f}"
    return [call["name"], asked, str(call["calls"]), f"{call['per_second']:.0f}", *times, refused]


def verifications(results: dict) -> str:
    """Whole verifications, and CPU time of each process and wall time of each stage for one."""
    lines = ["| work | count | verified | per second | CPU seconds for one |", "|---|---|---|---|---|"]
    for work in results["verifications"]:
        spent = work["cpu_seconds"]
        parts = ", ".join(f"{process} {seconds:.3f}" for process, seconds in sorted(spent.items(), key=lambda part: -part[1]))
        lines.append(f"| {work['work']} | {work['count']} | {work['verified']} | {work['per_second']:.2f} | {parts} |")
    for work in results["verifications"][:1]:
        lines += ["", "| stage | ms for one |", "|---|---|"]
        stages = sorted(work["stage_seconds"].items(), key=lambda stage: -stage[1])
        lines += [f"| {stage} | {1e3 * seconds:.0f} |" for stage, seconds in stages]
    return "\n".join(lines)


def html(results: dict) -> str:
    head = "".join(f"<th>{cell.strip()}</th>" for cell in HEAD.splitlines()[0].strip("|").split("|"))
    rows = "".join(call_row(call, results["limit_ms"]) for call in results["calls"])
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Bonafide under load</title><style>{STYLE}</style>
<h1>Bonafide under load</h1><p>{escape.escape(results["machine"])}. ghz {escape.escape(results["ghz"])}.
<code>{escape.escape(results["command"])}</code></p><p>Times in milliseconds; the bars are the times of the calls, from 0.1 ms to 10 s.
Red is later than {results["limit_ms"]:.0f} ms.</p><table><tr>{head}<th>times</th></tr>{rows}</table>
<h2>Whole verifications</h2>{tables(verifications(results))}</html>
"""


def call_row(call: dict, limit: float) -> str:
    cells = cells_of(call)
    late = call["percentiles"]["99"] > limit
    made = [f'<td{" class=late" if late and at == P99 else ""}>{escape.escape(cell)}</td>' for at, cell in enumerate(cells)]
    return f"<tr>{''.join(made)}<td>{bars(call['histogram'])}</td></tr>"


def bars(histogram: list) -> str:
    """Ten bars for each tenfold from 0.1 ms to 10 s."""
    most = max((count for _, count in histogram), default=1)
    made = []
    for time, count in histogram:
        left = 4 * min(max(round(10 * (math.log10(time) + 1)), 0), 49)
        height = 24 * count / most
        made.append(f'<rect x="{left}" y="{24 - height:.1f}" width="3" height="{height:.1f}"/>')
    return f'<svg width="200" height="24" fill="#3566a8">{"".join(made)}</svg>'


def tables(markdown: str) -> str:
    made, open_table = [], False
    for line in markdown.splitlines():
        if not line:
            made.append("</table>")
            open_table = False
            continue
        if set(line) <= set("|-"):
            continue
        tag = "td" if open_table else "th"
        cells = "".join(f"<{tag}>{escape.escape(cell.strip())}</{tag}>" for cell in line.strip("|").split("|"))
        made.append(("" if open_table else "<table>") + f"<tr>{cells}</tr>")
        open_table = True
    return "".join(made) + ("</table>" if open_table else "")
