"""Results of load generators as rows of requests: one JSON document of vLLM's or GuideLLM's benchmark.

`vllm bench serve --save-result --save-detailed` writes columns (`input_lens`, `output_lens`,
`start_times` in newer versions); GuideLLM writes `benchmarks[].requests.successful[]`, whose fields
moved between its versions. Both list requests as they ended, so rows are put in the order of their start.
"""

from collections.abc import Iterator
from typing import Any

from tonnage.errors import FormatError

TIME, PROMPT, OUTPUT = "start time", "input tokens", "output tokens"
Row = dict[str, Any]


def is_benchmark(document: object) -> bool:
    """Say if a JSON document is the result of a load generator that is known here."""
    return isinstance(document, dict) and ("input_lens" in document or "benchmarks" in document)


def benchmark_rows(document: dict[str, Any], *, where: str) -> Iterator[tuple[int, Row]]:
    """Return row numbers, as the document lists them, with rows, in the order of their start.

    Raises
    ------
    FormatError
        If the document lacks the requests themselves.
    """
    if "input_lens" in document:
        return _in_time(_of_vllm(document, where))
    return _in_time(_of_guidellm(document, where))


def _in_time(rows: list[Row]) -> Iterator[tuple[int, Row]]:
    numbered = list(enumerate(rows, start=1))
    if all(isinstance(row[TIME], (int, float)) for row in rows):
        numbered.sort(key=lambda each: each[1][TIME])
    return iter(numbered)


def _of_vllm(document: dict[str, Any], where: str) -> list[Row]:
    prompts, outputs = document["input_lens"], document.get("output_lens", ())
    starts = document.get("start_times")
    columns = [prompts, outputs] if starts is None else [prompts, outputs, starts]
    if not all(isinstance(column, list) and len(column) == len(prompts) for column in columns):
        raise FormatError(f"{where}: input_lens, output_lens and start_times are not lists of one length")
    times = starts if starts is not None else [None] * len(prompts)
    return [
        {TIME: time, PROMPT: prompt, OUTPUT: output}
        for time, prompt, output in zip(times, prompts, outputs, strict=True)
    ]


def _of_guidellm(document: dict[str, Any], where: str) -> list[Row]:
    rows = []
    try:
        for benchmark in document["benchmarks"]:
            requests = benchmark["requests"]
            done = requests["successful"] if isinstance(requests, dict) else requests
            rows += [_guidellm_row(each) for each in done]
    except (KeyError, TypeError, AttributeError):
        raise FormatError(
            f"{where}: a GuideLLM result without its requests (benchmarks[].requests.successful[])"
        ) from None
    return rows


def _guidellm_row(request: dict[str, Any]) -> Row:
    timings = request.get("info", {}).get("timings", {})
    start = request.get("start_time", request.get("request_start_time", timings.get("request_start")))
    prompt = request.get("prompt_tokens", request.get("input_metrics", {}).get("text_tokens"))
    output = request.get("output_tokens", request.get("output_metrics", {}).get("text_tokens"))
    return {TIME: start, PROMPT: prompt, OUTPUT: output}
