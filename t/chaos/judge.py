"""The oracle: what may come to an origin, what may come to a client, and what may be left when nothing is under way."""

import re
import xml.etree.ElementTree

import answers
import signature
from asked import LIMITED, TENANT, cached_object

HEAD_FAULTS = ("signature", "key", "old", "method")
# The first of these that the origin sends is HTTP to some and none to others; what follows has no one meaning.
UNCLEAR = ("corrupt-xml", "odd-encoding")


def attempt(run, case, attempt):
    """What came to an origin: right, and whole only where it may be."""
    run.count(f"origin {attempt.kind}")
    data = bytes(attempt.data) + attempt.partial
    body = case.body or b""
    if run.plain:
        return None
    if case.fault in HEAD_FAULTS:
        return run.violation(case, f"a request with a wrong {case.fault} came to {attempt.origin.name}")
    if attempt.complete and not case.may_be_complete():
        return run.violation(case, f"a spoilt body is whole at {attempt.origin.name} ({case.mode})")
    is_changed = case.operation == "delete-objects" and case.key is TENANT
    if attempt.payload.startswith("STREAMING"):
        data, whole, fault = signature.frames(data, attempt.payload, attempt.chain)
        if fault and not (case.fault == "body" and case.may_be_complete()):
            return run.violation(case, f"frames at {attempt.origin.name}: {fault}")
        if attempt.complete and not whole and case.fault != "body":
            return run.violation(case, f"frames are not whole at {attempt.origin.name}")
    elif attempt.complete and case.fault != "body" and attempt.payload not in ("UNSIGNED-PAYLOAD", signature.sha256(data)):
        return run.violation(case, f"a body with another hash at {attempt.origin.name}")
    if is_changed:
        body = body.replace(b"<Key>", b"<Key>tenants/a/") if attempt.complete else data
    # A spoilt body of which the origin has to find that out, or of which no part but the end is proven, comes as it is.
    if case.fault == "body" and (case.may_be_complete() or "HMAC" not in case.mode):
        return None
    if attempt.complete and data != body:
        same = next((at for at, pair in enumerate(zip(data, body)) if pair[0] != pair[1]), min(len(data), len(body)))
        return run.violation(
            case, f"another body at {attempt.origin.name}: {len(data)} bytes, from {same} on: {data[same:same + 60]!r}"
        )
    if not attempt.complete and not body.startswith(data):
        return run.violation(case, f"part of another body at {attempt.origin.name}")
    return None


def answer(run, case, answer, error, elapsed, alone):
    """What came to a client: one answer, its own, and whole or known not to be. `alone`: the connection had no other request."""
    options = case.server.options
    attempts = list(case.attempts)
    if elapsed > 15 + 10 * case.slow_read and not case.aborts:
        run.violation(case, f"took {elapsed:.1f} s")
    asks_again = "non_idempotent" in options["next"] or options["fallback"] or options["intercept"]
    if len(attempts) > 1 and case.method == "POST" and not asks_again:
        run.violation(case, f"a POST came to {len(attempts)} origins")
    if answer is None:
        return no_answer(run, case, error)
    run.count(f"client {answer.status}{'' if answer.whole else ' cut'}")
    if "x-early" in answer.values:
        return None
    if answers.POISON in answer.body or "x-poison" in answer.values:
        return run.violation(case, f"what no request asked for: {answer.headers} {answer.body[-100:]!r}")
    is_unclear = any(each.kind in UNCLEAR for each in attempts)
    if not run.plain and not is_unclear and re.search(rb"AKIDORIGIN|media-[abc]|tenants/a", answer.body):
        return run.violation(case, f"an origin's own words: {answer.body[:300]!r}")
    token = answer.values.get("x-chaos")
    if case.fault in HEAD_FAULTS and not run.plain and (token or answer.status not in (400, 403, 411)):
        return run.violation(case, f"{answer.status} for a wrong {case.fault}: {answer.body[:300]!r}")
    if token is None:
        return None if run.plain else own_answer(run, case, answer, attempts, elapsed)
    if case.operation == "cached":
        return cached_answer(run, case, answer, run.attempt_of(token))
    attempt = next((each for each in attempts if each.token == token), None)
    if attempt is None:
        source = run.cases[int(token.split(".")[0])]
        is_same = source.target.partition("&X-Amz-")[0] == case.target.partition("&X-Amz-")[0]
        if answer.values.get("x-cache") in ("HIT", "STALE", "UPDATING") and is_same:
            return None
        return run.violation(case, f"another request's answer: {token}")
    return origin_answer(run, case, answer, attempt, is_quick=elapsed < 0.8 and alone)


def no_answer(run, case, error):
    run.count("client: left" if case.aborts else "client: no answer")
    last = case.attempts[-1] if case.attempts else None
    # nginx resets a stream of HTTP/2 whose body it does not read.
    if case.aborts or (case.http2 and "curl 92" in error and (last is None or case.body is not None)):
        return None
    # A worker that a reload replaces closes connections that have not asked for anything yet.
    if run.options.reloads and last is None:
        return None
    # It gives up a head that it has not yet sent, with the rest.
    if last and error and error.startswith(("closed", "curl")) and last.relay in ("cut", "broken", "any"):
        return None
    return run.violation(case, f"no answer: {error}")


def own_answer(run, case, answer, attempts, elapsed):
    """An answer of no origin."""
    options = case.server.options
    has_own_list = case.operation == "buckets" and case.key is LIMITED
    if answer.status < 400:
        if not has_own_list:
            run.violation(case, f"{answer.status} of nobody: {answer.headers} {answer.body[:100]!r}")
        return
    if case.method != "HEAD" and answer.whole:
        try:
            root = xml.etree.ElementTree.fromstring(answer.body)
            code, request_id = root.findtext("Code"), root.findtext("RequestId")
            is_error = root.tag == "Error" and code and request_id == answer.values["x-amz-request-id"]
        except (xml.etree.ElementTree.ParseError, KeyError):
            is_error = False
        if not is_error:
            run.violation(case, f"not S3's error: {answer.status} {answer.headers} {answer.body[:300]!r}")
        elif code == "InternalError" and not options["auth"] and not (attempts and attempts[-1].status == 500):
            run.violation(case, f"a fault of the proxy's own: {answer.status} {answer.body[:300]!r}")
    if len(attempts) == 1 and elapsed < 0.8 and not case.fault and not options["probe"] and not options["intercept"]:
        only = attempts[0]
        if only.relay == "whole" and only.reads == "all" and not only.is_withheld(options["next"]):
            run.violation(case, f"the answer was good, and the client got {answer.status} {answer.body[:200]!r}")
    has_no_length = case.chunked and answer.status == 411 and options["unknown_length"] == "refuse"
    if not attempts and not case.fault and answer.status < 500 and not has_own_list and not has_no_length:
        run.violation(case, f"a good request was refused: {answer.status} {answer.body[:300]!r}")


def cached_answer(run, case, answer, source):
    run.count(f"client cache {answer.values.get('x-cache')}")
    if answer.status != 200 or source.relay == "any":
        return
    expected = cached_object(case.object)
    if answer.whole and answer.framed and answer.body != expected and case.method != "HEAD":
        run.violation(
            case, f"cached: {answer.values.get('x-cache')} {len(answer.body)} of {len(expected)} from {source.kind}"
        )
    elif not expected.startswith(answer.body) and source.relay != "broken":
        run.violation(case, f"cached: another body from {source.kind}")


def origin_answer(run, case, answer, attempt, is_quick):
    """The answer to this attempt."""
    if attempt.relay == "none":
        return run.violation(case, f"{attempt.kind} is no answer: {answer.status} {answer.headers}")
    if case.method == "HEAD" or answer.status in (204, 304):
        return None
    expected = attempt.body
    is_known_whole = answer.whole and answer.framed
    if attempt.relay in ("cut", "broken") and expected and is_known_whole:
        return run.violation(
            case, f"{attempt.kind} was cut, and the client cannot know: {answer.headers} {len(answer.body)}"
        )
    if attempt.relay == "whole" and attempt.reads == "all" and not answer.whole and is_quick:
        return run.violation(
            case, f"{attempt.kind} was whole, and the client got {len(answer.body)} of {len(expected)}: {answer.headers}"
        )
    if not attempt.xml and answer.status < 300 and attempt.relay in ("whole", "cut"):
        is_wrong = is_known_whole and attempt.relay == "whole" and attempt.reads == "all" and answer.body != expected
        if is_wrong or not expected.startswith(answer.body):
            return run.violation(case, f"another answer: {len(answer.body)} of {len(expected)}, {answer.body[:100]!r}")
    if case.operation == "initiate" and answer.status == 200 and answer.whole and attempt.kind == "length":
        case.server.learn_upload(answer.body, attempt.origin.name, case.key.name)
    if attempt.xml and answer.status == 200 and attempt.relay == "whole" and answer.whole:
        try:
            xml.etree.ElementTree.fromstring(answer.body)
        except xml.etree.ElementTree.ParseError:
            return run.violation(case, f"no XML: {answer.body[:300]!r}")
        if attempt.token.encode() not in answer.body and case.operation not in ("initiate", "location"):
            return run.violation(case, f"another document: {answer.body[:300]!r}")
    return None


def under_way(measured):
    """What nginx has of requests that it serves; nothing when it is at rest."""
    names = ("s3_uploads_active", "s3_chunk_memory_bytes", "body", "proxy")
    return {name: measured[name] for name in names if measured.get(name)}


def growth(run, first, last):
    """Memory and descriptors that it has now and had not after the first round."""
    for name, most in (("rss", 6000), ("fds", 40)):
        if max(last[name]) > max(first[name]) + most:
            run.violation(None, f"grown: {name} {first[name]} {last[name]}")


def logs(run, folder):
    """No signature and no secret in them, and no line that says that nginx itself is at fault."""
    known = {each for case in run.cases.values() for each in case.signatures}
    for name in ("error.log", "access.log", "stderr"):
        with open(f"{folder}/{name}", errors="replace") as file:
            for line in file:
                if re.search(r"\[(alert|crit|emerg)\]|panicked|Sanitizer|runtime error", line) and not re.search(
                    r"\bSSL_\w+\(\) failed", line
                ):
                    run.violation(None, f"{name}: {line.strip()[:600]}")
                if run.plain:
                    continue
                if any(each in known for each in re.findall(r"[0-9a-f]{64}", line)):
                    run.violation(None, f"a signature in {name}: {line.strip()[:600]}")
                if "Secret/Key" in line or "oRiGiN-" in line:
                    run.violation(None, f"a secret in {name}: {line.strip()[:300]}")
