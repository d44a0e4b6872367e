//! Variables for an access log with the fields of S3's server access log (nginx-conf/s3_audit_log_format), as far as nginx has no
//! variable for them. Nothing of a request's own work depends on them.

use nginx::variable::{Variable, add};
use nginx::{Conf, ConfError, Request};
use s3::Operation;

use crate::caller;
use crate::ctx;
use crate::time::log_time;
use crate::variables::{of_target, operation};

/// Registers them, in the order of the reference in README.md.
pub(crate) fn add_all(cf: &mut Conf<'_>) -> Result<(), ConfError> {
    add::<S3Refusal>(cf)?;
    add::<S3Requester>(cf)?;
    add::<S3LogOperation>(cf)?;
    add::<S3LogErrorCode>(cf)?;
    add::<S3RequestLine>(cf)?;
    add::<S3Referer>(cf)?;
    add::<S3ObjectSize>(cf)?;
    add::<S3RequestTime>(cf)?;
    add::<S3TotalTime>(cf)?;
    add::<S3TurnAroundTime>(cf)
}

/// `$s3_refusal`: why the module has refused the request, in the words of the error log: what is wrong with the signature or the
/// body, or which grant denies it.
struct S3Refusal;

impl Variable for S3Refusal {
    const NAME: &'static str = "s3_refusal";
    const CHANGES: bool = true;

    fn value(r: Request<'_>) -> Option<&[u8]> {
        let response = &ctx::existing(r)?.response;
        // `satisfy any` may have let the request in all the same, and an `error_page` answers in our place.
        if response.error_code.get().is_none() && !r.had_error_page() {
            return None;
        }
        let refusal = response.refusal.borrow();
        // It quotes what the client sent.
        masked(r, refusal.as_ref()?.as_bytes())
    }
}

/// `$s3_requester`: the access key id whose signature was right, of a request that was refused for other reasons too.
struct S3Requester;

impl Variable for S3Requester {
    const NAME: &'static str = "s3_requester";
    const CHANGES: bool = true;

    fn value(r: Request<'_>) -> Option<&[u8]> {
        let of_refused = || {
            let key = ctx::existing(r.main())?.access.refused_key.borrow();
            r.allocate_copy(key.as_ref()?)
        };
        caller::access_key(r).or_else(of_refused)
    }
}

/// `$s3_log_operation`: what the client asks for as S3's logs call it, `REST.GET.OBJECT`.
struct S3LogOperation;

impl Variable for S3LogOperation {
    const NAME: &'static str = "s3_log_operation";
    const CHANGES: bool = false;

    fn value(r: Request<'_>) -> Option<&[u8]> {
        let r = r.main();
        let operation = operation(r)?;
        of_target(r, |target| r.allocate_copy(&operation.logged(r.method(), target.path())))
    }
}

/// `$s3_log_error_code`: the code of the error that the client got, the proxy's own or, where requests are counted
/// (`s3_status_zone`), an origin's.
struct S3LogErrorCode;

impl Variable for S3LogErrorCode {
    const NAME: &'static str = "s3_log_error_code";
    const CHANGES: bool = true;

    fn value(r: Request<'_>) -> Option<&[u8]> {
        let ctx = ctx::existing(r.main())?;
        let of_origin = || ctx.status.origin_code.get().filter(|_| r.main().final_status() >= 400);
        ctx.response.error_code.get().or_else(of_origin).map(str::as_bytes)
    }
}

/// `$s3_request_line`: the request line with `*` for what authorizes: signatures and tokens of presigned URLs.
struct S3RequestLine;

impl Variable for S3RequestLine {
    const NAME: &'static str = "s3_request_line";
    const CHANGES: bool = false;

    fn value(r: Request<'_>) -> Option<&[u8]> {
        let line = r.main().request_line();
        if line.is_empty() { None } else { masked(r, line) }
    }
}

/// `$s3_referer`: the Referer header likewise; a page that was opened by a presigned URL tells it to whatever it refers to.
struct S3Referer;

impl Variable for S3Referer {
    const NAME: &'static str = "s3_referer";
    const CHANGES: bool = false;

    fn value(r: Request<'_>) -> Option<&[u8]> {
        let referer = r.header(b"referer")?;
        // Amazon's own expression for these logs takes no blank there, and a URI has none.
        let parts: Vec<&[u8]> = referer.split(|&byte| byte == b' ').collect();
        masked(r, &parts.join(&b"%20"[..]))
    }
}

/// `$s3_object_size`: the bytes of the object that was read, all of it where the answer is a part, or of the object or part that
/// was stored, without its framing.
struct S3ObjectSize;

impl Variable for S3ObjectSize {
    const NAME: &'static str = "s3_object_size";
    const CHANGES: bool = true;

    fn value(r: Request<'_>) -> Option<&[u8]> {
        let r = r.main();
        let is_part = match r.status() {
            200 => false,
            206 => true,
            _ => return None,
        };
        match operation(r)? {
            Operation::GetObject | Operation::HeadObject if is_part => complete_length(r),
            Operation::GetObject | Operation::HeadObject => number(r, r.response_length()?),
            Operation::PutObject | Operation::UploadPart => {
                let decoded = r.header(sigv4::header::X_AMZ_DECODED_CONTENT_LENGTH.as_bytes());
                let decoded = decoded.filter(|length| is_number(length));
                decoded.or_else(|| number(r, r.content_length()?))
            }
            _ => None,
        }
    }
}

/// What stands behind the slash of `Content-Range: bytes 0-9/100` (RFC 9110, 14.4); none for several ranges, or where it is `*`.
fn complete_length(r: Request<'_>) -> Option<&[u8]> {
    let range = r.response_header(b"content-range")?;
    range.rsplit(|&byte| byte == b'/').next().filter(|length| is_number(length))
}

fn is_number(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

/// `$s3_request_time`: when the request began, in UTC, `06/Feb/2019:00:00:38 +0000`. nginx's own time variables are of the moment
/// that asks for them, which for a log is the end of the request.
struct S3RequestTime;

impl Variable for S3RequestTime {
    const NAME: &'static str = "s3_request_time";
    const CHANGES: bool = false;

    fn value(r: Request<'_>) -> Option<&[u8]> {
        r.allocate_copy(log_time(r.main().began()).as_bytes())
    }
}

/// `$s3_total_time`: milliseconds from the request's first byte on.
struct S3TotalTime;

impl Variable for S3TotalTime {
    const NAME: &'static str = "s3_total_time";
    const CHANGES: bool = true;

    fn value(r: Request<'_>) -> Option<&[u8]> {
        number(r, r.main().age())
    }
}

/// `$s3_turn_around_time`: milliseconds from the end of the request, its body included, to the beginning of the answer.
struct S3TurnAroundTime;

impl Variable for S3TurnAroundTime {
    const NAME: &'static str = "s3_turn_around_time";
    const CHANGES: bool = true;

    fn value(r: Request<'_>) -> Option<&[u8]> {
        let ctx = ctx::existing(r.main())?;
        let answered = ctx.response.answered_at.get()?;
        let ended = ctx.body.ended_at.get().unwrap_or(0);
        number(r, answered.saturating_sub(ended))
    }
}

fn masked<'r>(r: Request<'r>, text: &[u8]) -> Option<&'r [u8]> {
    let mut text = text.to_vec();
    sigv4::mask(&mut text);
    r.allocate_copy(&text)
}

fn number(r: Request<'_>, number: u64) -> Option<&[u8]> {
    r.allocate_copy(number.to_string().as_bytes())
}
