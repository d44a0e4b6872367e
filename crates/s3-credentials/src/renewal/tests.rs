use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Mutex;
use std::time::UNIX_EPOCH;

use aws_credential_types::provider::future;
use tokio::time::Instant;

use super::*;

/// What a provider answers next: seconds for which the key is good; none for a failure.
type Plan = Box<dyn FnMut(u64) -> Option<u64> + Send>;

/// Answers by a plan, with a new key each time.
struct Scripted {
    start: Instant,
    plan: Mutex<Plan>,
}

impl std::fmt::Debug for Scripted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scripted")
    }
}

impl ProvideCredentials for Scripted {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let at = self.start.elapsed();
        let life = (self.plan.lock().unwrap())(at.as_secs());
        future::ProvideCredentials::ready(match life {
            Some(life) => {
                let end = UNIX_EPOCH + at + Duration::from_secs(life);
                Ok(Credentials::new(
                    format!("ASIA{}", at.as_secs()),
                    "HUSH",
                    Some("HUSH".into()),
                    Some(end),
                    "test",
                ))
            }
            None => Err(CredentialsError::provider_error("the source is away")),
        })
    }
}

/// Runs for so long, in the runtime's own time; gives the log, and how long the file had no key that is good.
async fn run(seconds: u64, plan: Plan) -> (Vec<String>, Duration, usize) {
    let start = Instant::now();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.json");
    let lines = Rc::new(RefCell::new(Vec::new()));
    let log = Rc::clone(&lines);
    let file = OutputFile::new(&path, None).unwrap();
    let now = move || UNIX_EPOCH + start.elapsed();
    let mut renewal =
        Renewal::new(file, now, move |line: &str| log.borrow_mut().push(line.to_owned()));
    let provider = Scripted { start, plan: Mutex::new(plan) };
    let (mut written, mut without) = (0, Duration::ZERO);
    while start.elapsed() < Duration::from_secs(seconds) {
        let attempt = renewal.attempt(&provider).await;
        written += usize::from(matches!(attempt, Asked::Written { .. }));
        let good_until = renewal.end.unwrap_or(UNIX_EPOCH);
        let next = now() + attempt.pause();
        without += next.duration_since(good_until.max(now())).unwrap_or_default();
        tokio::time::sleep(attempt.pause()).await;
    }
    if written > 0 {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("\"AccessKeyId\": \"ASIA"), "{text}");
    }
    let lines = lines.take();
    assert!(!lines.iter().any(|line| line.contains("HUSH")), "{lines:?}");
    (lines, without, written)
}

#[tokio::test(start_paused = true)]
async fn an_hour_of_keys_that_live_for_20_seconds() {
    let (lines, without, written) = run(3600, Box::new(|_| Some(20))).await;
    assert_eq!(without, Duration::ZERO);
    assert!((250..330).contains(&written), "{written}");
    assert_eq!(lines.len(), written);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_away_for_a_while() {
    let plan = |at| (!(500..800).contains(&at)).then_some(900);
    let (lines, without, _) = run(3600, Box::new(plan)).await;
    assert_eq!(without, Duration::ZERO, "{lines:#?}");
    let failures = lines.iter().filter(|line| line.starts_with("no credentials")).count();
    assert!((3..20).contains(&failures), "{lines:#?}");
    assert!(
        lines
            .iter()
            .any(|line| line
                .contains("the source is away; the file's key is good until 1970-01-01T00:")),
        "{lines:#?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_source_that_gives_the_same_until_shortly_before_the_end() {
    // As IMDS does: a new one five minutes before the old one ends.
    let plan = |at: u64| Some(3600 - at % 3300);
    let (lines, without, written) = run(4 * 3600, Box::new(plan)).await;
    assert_eq!(without, Duration::ZERO);
    assert!(written < 200, "{written}");
    assert!(lines.len() <= written);
}

#[tokio::test(start_paused = true)]
async fn what_has_ended_is_no_key() {
    let (lines, _, written) = run(100, Box::new(|at| Some(if at == 0 { 30 } else { 0 }))).await;
    assert_eq!(written, 1, "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("what came has ended already")), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("the file's key has ended at")), "{lines:#?}");
}

#[tokio::test(start_paused = true)]
async fn nothing_from_the_beginning() {
    let (lines, _, written) = run(600, Box::new(|_| None)).await;
    assert_eq!(written, 0);
    assert!(lines.len() < 25, "{lines:#?}");
    assert!(lines[0].contains("(attempt 1): ") && lines[0].contains("the file is as it was"));
}
