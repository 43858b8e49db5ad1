"""What was measured, as tables and as a page."""

import html as escape
import math

COLUMNS = ["work", "asked for", "calls", "per second", "p50 ms", "p90", "p99", "p99.9", "not OK"]
P99 = COLUMNS.index("p99")

STYLE = """body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; width: 100% } td, th { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid #ddd }
td:first-child, th:first-child { text-align: left } td.late { color: #b00020; font-weight: 600 } svg { vertical-align: middle }
code { background: #f4f4f4; padding: .1rem .3rem }"""


def line(cells: list[str]) -> str:
    """A row in Markdown."""
    return f"| {' | '.join(cells)} |"


def head(columns: list[str]) -> str:
    """The rows before all others."""
    return f"{line(columns)}\n|{'---|' * len(columns)}"


def row(measured) -> str:
    return line(cells_of(vars(measured) | {"per_second": measured.per_second}))


def cells_of(call: dict) -> list[str]:
    refused = ", ".join(f"{count} {status}" for status, count in call["refused"].items()) or "none"
    times = [f"{call['percentiles'][share]:.1f}" for share in ("50", "90", "99", "99.9")]
    asked = "" if call["rate"] is None else f"{call['rate']:.0f}"
    return [call["name"], asked, str(call["calls"]), f"{call['per_second']:.0f}", *times, refused]


def verifications(results: dict) -> list[list[list[str]]]:
    """Tables of whole verifications with CPU time of each process for one, and of the wall time of each stage where they were alone. The
    first row of each names the columns."""
    works = [["work", "count", "verified", "per second", "CPU seconds for one"]]
    for work in results["verifications"]:
        spent = ", ".join(f"{process} {seconds:.3f}" for process, seconds in most_first(work["cpu_seconds"]))
        works.append([work["work"], str(work["count"]), str(work["verified"]), f"{work['per_second']:.2f}", spent])
    tables = [works]
    for work in results["verifications"][:1]:
        stages = [[stage, f"{1e3 * seconds:.0f}"] for stage, seconds in most_first(work["stage_seconds"])]
        tables.append([["stage", "ms for one"], *stages])
    return tables


def most_first(spent: dict[str, float]) -> list[tuple[str, float]]:
    return sorted(spent.items(), key=lambda part: -part[1])


def markdown(tables: list[list[list[str]]]) -> str:
    return "\n\n".join("\n".join([head(columns), *map(line, rows)]) for columns, *rows in tables)


def html(results: dict) -> str:
    rows = "".join(call_row(call, results["limit_ms"]) for call in results["calls"])
    works = "".join(html_table(columns, rows) for columns, *rows in verifications(results))
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Bonafide under load</title><style>{STYLE}</style>
<h1>Bonafide under load</h1><p>{escape.escape(results["machine"])}. ghz {escape.escape(results["ghz"])}.
<code>{escape.escape(results["command"])}</code></p><p>Times in milliseconds; the bars are the times of the calls, from 0.1 ms to 10 s.
Red is later than {results["limit_ms"]:.0f} ms.</p><table>{cells('th', [*COLUMNS, 'times'])}{rows}</table>
<h2>Whole verifications</h2>{works}</html>
"""


def call_row(call: dict, limit: float) -> str:
    late = call["percentiles"]["99"] > limit
    made = [f'<td{" class=late" if late and at == P99 else ""}>{escape.escape(cell)}</td>' for at, cell in enumerate(cells_of(call))]
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


def cells(tag: str, texts: list[str]) -> str:
    made = "".join(f"<{tag}>{escape.escape(text)}</{tag}>" for text in texts)
    return f"<tr>{made}</tr>"


def html_table(columns: list[str], rows: list[list[str]]) -> str:
    return f"<table>{cells('th', columns)}{''.join(cells('td', row) for row in rows)}</table>"
