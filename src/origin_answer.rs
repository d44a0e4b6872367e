//! Whether an origin's error goes to the client, or another origin is asked.
//!
//! nginx decides that by the status (`proxy_next_upstream`); an S3 error says more. An origin that does not take our key is out
//! of order, whatever it is asked; one that asks for fewer requests works, and sending them to another would be no help.
//! What nobody else is asked for goes on to `error_response`, which sees to it that nothing of ours is shown.

use nginx::upstream::{Next, UpstreamAnswer, UpstreamFraming, UpstreamResponse};
use nginx::{Level, Request, worker};
use s3::S3Error;
use s3::origin_error::{
    self, Code, CodeReader, asks_to_slow_down, content_encoding, is_about_credential,
    is_code_header, refuses_key,
};

use crate::S3Signature;
use crate::ctx::answer::{Concern, KeyCheck, Reading};
use crate::ctx::{self, Ctx};
use crate::error_response;
use crate::probes::{self, key_check};
use crate::status;

impl UpstreamResponse for S3Signature {
    fn next(r: Request<'_>, answer: &UpstreamAnswer<'_>) -> Next {
        let Some(ctx) = ctx::existing(r) else { return Next::Pass };
        match ctx.upstream.key_check.take() {
            KeyCheck::Done { is_refused: true } => {
                return refused(r, ctx, b"without a word, as a probe has shown");
            }
            KeyCheck::Done { is_refused: false } => return Next::Pass,
            KeyCheck::Waits(_) | KeyCheck::None => {}
        }
        // Not again with each part of its body.
        if ctx.upstream.reading.borrow().is_none() {
            status::attempt_answered(r, ctx, answer.status());
        }
        next(r, ctx, answer)
    }

    fn held() {
        key_check::ask();
    }

    fn head_too_large(r: Request<'_>) {
        r.log(
            Level::Error,
            format_args!(
                "s3: the head of the origin's answer is larger than \"proxy_buffer_size\""
            ),
        );
        let Some(ctx) = ctx::existing(r) else { return };
        ctx.response.error.replace(Some(S3Error::origin_head_too_large()));
    }
}

/// Called when the head of the answer to a request that was signed here is complete, and after [`Next::Wait`] with each part
/// of its body.
fn next(r: Request<'_>, ctx: &Ctx, answer: &UpstreamAnswer<'_>) -> Next {
    crate::fault::inject(r, "origin_answer");
    let reading = ctx.upstream.reading.take();
    let Some(mut reading) = reading.or_else(|| begin(r, answer).map(Box::new)) else {
        return without_question(ctx, answer);
    };
    let question = reading.question;
    let in_header = answer.headers().find(|(name, _)| is_code_header(name)).map(|(_, code)| code);
    let code = match in_header {
        Some(code) => Code::Known(code),
        None if has_no_body(ctx, answer) => return without_words(r, ctx, answer, question),
        None => reading.reader.feed(answer.new),
    };
    match code {
        Code::Known(code) => by_code(r, ctx, question, code),
        Code::NeedMore if answer.is_full || !is_worth_waiting(answer) => Next::Pass,
        Code::NeedMore => {
            ctx.upstream.reading.replace(Some(reading));
            Next::Wait
        }
        Code::None => Next::Pass,
    }
}

/// Which question an answer raises, if any.
fn begin(r: Request<'_>, answer: &UpstreamAnswer<'_>) -> Option<Reading> {
    let next = r.location_conf::<S3Signature>()?.next_upstream();
    let question = match answer.status() {
        // Here an origin says that it does not accept a key.
        400 | 401 | 403 if next.refused_key => Concern::Key,
        503 if !next.slow_down && answer.is_passed_over_at_503() => Concern::Load,
        _ => return None,
    };
    let encoding = content_encoding(answer.headers());
    Some(Reading { question, reader: CodeReader::new(&encoding, framing(answer)) })
}

fn framing(answer: &UpstreamAnswer<'_>) -> origin_error::DocumentFraming {
    match answer.framing() {
        UpstreamFraming::Length(length) => origin_error::DocumentFraming::Length(length),
        UpstreamFraming::Chunked => origin_error::DocumentFraming::Chunked,
        UpstreamFraming::Close => origin_error::DocumentFraming::Close,
    }
}

fn has_no_body(ctx: &Ctx, answer: &UpstreamAnswer<'_>) -> bool {
    ctx.upstream.sends_head.get() || answer.framing() == UpstreamFraming::Length(0)
}

/// A body without a length may have no end but the connection's, which nginx takes for a fault while the head is read. Where
/// 503 would be passed over anyhow, that is no loss; and a refusal that cannot be read goes to nobody.
fn is_worth_waiting(answer: &UpstreamAnswer<'_>) -> bool {
    answer.framing() != UpstreamFraming::Close || matches!(answer.status(), 401 | 403 | 503)
}

fn by_code(r: Request<'_>, ctx: &Ctx, question: Concern, code: &[u8]) -> Next {
    match question {
        Concern::Key if refuses_key(code) => refused(r, ctx, code),
        Concern::Load if asks_to_slow_down(code) => busy(ctx),
        Concern::Key if !is_about_credential(code) => accepted(ctx),
        Concern::Key => Next::Pass,
        Concern::Load => accepted(ctx),
    }
}

/// Answers to HEAD, and those that have no body for other reasons.
fn without_words(
    r: Request<'_>,
    ctx: &Ctx,
    answer: &UpstreamAnswer<'_>,
    question: Concern,
) -> Next {
    match question {
        // S3 itself has no 401 for anything else.
        Concern::Key if answer.status() == 401 => refused(r, ctx, b"401"),
        // The same status says that an object is not to be read by this key. An origin that has just refused the key, in words,
        // means that again.
        Concern::Key if answer.status() == 403 && refuses_at_present(ctx) => {
            refused(r, ctx, b"without a word, as before")
        }
        // 400 is ExpiredToken and much else, whatever was said before. Also where nobody else is asked: a client, or a balancer in
        // front, tries a 502 again, and believes a 403.
        Concern::Key => key_check::begin(ctx, answer).map_or(Next::Pass, Next::Hold),
        // Amazon's reason phrase.
        Concern::Load if says_slow_down(answer.status_line()) => busy(ctx),
        // As with a key, for a while.
        Concern::Load if is_busy(ctx) => Next::Final,
        Concern::Load => Next::Pass,
    }
}

fn says_slow_down(status_line: &[u8]) -> bool {
    status_line.to_ascii_lowercase().ends_with(b"slow down")
}

/// Answers that raise no question: most of them show that the key is good.
fn without_question(ctx: &Ctx, answer: &UpstreamAnswer<'_>) -> Next {
    if matches!(answer.status(), 200..400 | 404 | 412 | 416) { accepted(ctx) } else { Next::Pass }
}

/// The origin takes the key: what was remembered of that is over.
fn accepted(ctx: &Ctx) -> Next {
    if let Some(key) = &*ctx.upstream.key.borrow() {
        key.is_refused.set(false);
    }
    Next::Pass
}

/// For so long, in milliseconds, a wish for fewer requests is what a 503 without a word means. An answer of another kind does not end
/// that: who throttles answers some requests and not others, and what was under way ends well.
const BUSY: u64 = 5000;

/// It works, and wants to be asked less.
fn busy(ctx: &Ctx) -> Next {
    if let Some(origin) = &*ctx.upstream.origin.borrow() {
        origin.busy_at.set(Some(worker::now()));
    }
    Next::Final
}

fn is_busy(ctx: &Ctx) -> bool {
    let busy_at = ctx.upstream.origin.borrow().as_ref().and_then(|origin| origin.busy_at.get());
    busy_at.is_some_and(|at| worker::now().saturating_sub(at) <= BUSY)
}

fn refuses_at_present(ctx: &Ctx) -> bool {
    let origin = ctx.upstream.origin.borrow();
    // What a probe has seen since goes before what this worker remembers.
    origin.as_ref().and_then(|origin| probes::refuses_key(&origin.name)).unwrap_or_else(|| {
        let key = ctx.upstream.key.borrow();
        key.as_ref().is_some_and(|key| key.is_refused.get())
    })
}

/// The origin is out of order. The answer is for the case that nobody else may be asked.
fn refused(r: Request<'_>, ctx: &Ctx, code: &[u8]) -> Next {
    if let Some(key) = &*ctx.upstream.key.borrow() {
        key.is_refused.set(true);
    }
    if let Some(origin) = &*ctx.upstream.origin.borrow() {
        probes::note_refusal(&origin.name);
    }
    error_response::log_withheld(r, ctx, code);
    ctx.response.error.replace(Some(S3Error::origin_refused_credentials()));
    Next::Failed
}
