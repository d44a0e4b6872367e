//! What grants speak of: verbs, and operations by their names.

use std::fmt;

use crate::{Operation, OperationKind};

/// A word of a grant's list that stands for many operations.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verb {
    /// [`OperationKind::Admin`].
    Admin,
    /// All of the others.
    All,
    /// [`OperationKind::Delete`].
    Delete,
    /// [`OperationKind::List`].
    List,
    /// [`OperationKind::Read`].
    Read,
    /// [`OperationKind::Write`].
    Write,
}

impl Verb {
    /// All verbs, with their words.
    pub(crate) const WORDS: [(&'static str, Self); 6] = [
        ("admin", Self::Admin),
        ("all", Self::All),
        ("delete", Self::Delete),
        ("list", Self::List),
        ("read", Self::Read),
        ("write", Self::Write),
    ];

    /// One bit for each kind of operation that can be granted.
    fn bits(self) -> u8 {
        match self {
            Self::Admin => 1,
            Self::All => 31,
            Self::Delete => 2,
            Self::List => 4,
            Self::Read => 8,
            Self::Write => 16,
        }
    }

    /// None for kinds that no verb but `all` stands for.
    fn of(kind: OperationKind) -> Option<Self> {
        match kind {
            OperationKind::Admin => Some(Self::Admin),
            OperationKind::Delete => Some(Self::Delete),
            OperationKind::List => Some(Self::List),
            OperationKind::Read => Some(Self::Read),
            OperationKind::Write => Some(Self::Write),
            OperationKind::Preflight | OperationKind::Probe | OperationKind::Unknown => None,
        }
    }
}

/// A set of what can be granted or denied.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Actions {
    verbs: u8,
    /// A bit for each [`Operation`].
    operations: u128,
}

const _: () = assert!(Operation::ALL.len() <= 128, "each operation has a bit");

impl Actions {
    /// The set of a word: a verb, or the name of an operation as in S3's API reference. None if it is neither, or an operation
    /// that cannot be granted by its name.
    ///
    /// ```
    /// use s3::grants::Actions;
    ///
    /// assert!(Actions::of_word("read").is_some() && Actions::of_word("GetObject").is_some());
    /// assert!(Actions::of_word("getobject").is_none() && Actions::of_word("PostObject").is_none());
    /// ```
    pub fn of_word(word: &str) -> Option<Self> {
        let verb = Verb::WORDS.iter().find(|(text, _)| *text == word).map(|(_, verb)| *verb);
        verb.map(Self::from).or_else(|| {
            Operation::of_name(word).filter(|operation| is_nameable(*operation)).map(Self::from)
        })
    }

    /// Whether these are all that there is, known or not.
    pub(super) fn are_all(self) -> bool {
        self.verbs == Verb::All.bits()
    }

    /// Whether an operation is among these; never one of which a verb or a name cannot speak.
    pub(super) fn contain(self, action: Action) -> bool {
        let by_verb = Verb::of(action.kind).is_some_and(|verb| self.verbs & verb.bits() != 0);
        by_verb || action.operation.is_some_and(|operation| self.operations & bit(operation) != 0)
    }
}

/// As words: `read, write, GetBucketPolicy`.
impl fmt::Display for Actions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.are_all() {
            return f.write_str("all");
        }
        let verbs = Verb::WORDS.iter().filter(|(_, verb)| *verb != Verb::All);
        let verbs = verbs.filter(|(_, verb)| self.verbs & verb.bits() != 0).map(|(word, _)| *word);
        let operations = Operation::ALL.iter().filter(|one| self.operations & bit(**one) != 0);
        let mut comma = "";
        for word in verbs.chain(operations.map(|operation| operation.name())) {
            write!(f, "{comma}{word}")?;
            comma = ", ";
        }
        Ok(())
    }
}

impl From<Verb> for Actions {
    fn from(verb: Verb) -> Self {
        Self { verbs: verb.bits(), operations: 0 }
    }
}

/// Amazon's permissions go by the names of operations, and some are for several (Required permissions for Amazon S3 API
/// operations): so do these. Whoever may, or may not, `PutObject` wants to know nothing of parts.
impl From<Operation> for Actions {
    fn from(operation: Operation) -> Self {
        use Operation::*;
        let operations: &[Operation] = match operation {
            DeleteObject => &[DeleteObject, DeleteObjects],
            GetObject => &[GetObject, GetObjectAttributes, HeadObject, SelectObjectContent],
            // One permission, ListBucket.
            ListObjects | ListObjectsV2 => &[ListObjects, ListObjectsV2],
            PutObject => &[
                AbortMultipartUpload,
                CompleteMultipartUpload,
                CopyObject,
                CreateMultipartUpload,
                ListParts,
                PutObject,
                RenameObject,
                UploadPart,
                UploadPartCopy,
            ],
            ref one => std::slice::from_ref(one),
        };
        let operations = operations.iter().fold(0, |bits, operation| bits | bit(*operation));
        Self { verbs: 0, operations }
    }
}

impl FromIterator<Actions> for Actions {
    fn from_iter<I: IntoIterator<Item = Actions>>(all: I) -> Self {
        all.into_iter().fold(Self::default(), |sum, one| Self {
            verbs: sum.verbs | one.verbs,
            operations: sum.operations | one.operations,
        })
    }
}

/// What is asked for: an operation, or a right that a header asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Action {
    pub(crate) kind: OperationKind,
    /// None for a right that is no operation.
    pub(crate) operation: Option<Operation>,
}

impl From<Operation> for Action {
    fn from(operation: Operation) -> Self {
        Self { kind: operation.kind(), operation: Some(operation) }
    }
}

impl From<OperationKind> for Action {
    fn from(kind: OperationKind) -> Self {
        Self { kind, operation: None }
    }
}

/// Whether a grant can speak of the operation by its name. What is unknown, or has its rights in its body, needs all of them;
/// `CreateSession` is for nobody, and a preflight for everybody.
fn is_nameable(operation: Operation) -> bool {
    !matches!(operation.kind(), OperationKind::Preflight | OperationKind::Unknown)
        && operation != Operation::CreateSession
}

fn bit(operation: Operation) -> u128 {
    1 << (operation as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        for (word, verb) in Verb::WORDS {
            assert_eq!(Actions::of_word(word), Some(verb.into()), "{word}");
        }
        for word in ["Read", "getobject", "s3:GetObject", "", "Unknown", "PostObject", "Preflight"]
        {
            assert_eq!(Actions::of_word(word), None, "{word}");
        }
        assert_eq!(Actions::of_word("CreateSession"), None);
        assert!(Actions::of_word("GetBucketPolicy").is_some());
    }

    #[test]
    fn names_that_stand_for_several() {
        let check = |word: &str, expected: &[&str]| {
            let actions = Actions::of_word(word).unwrap();
            let found: Vec<_> = Operation::ALL
                .iter()
                .filter(|operation| actions.contain(Action::from(**operation)))
                .map(|operation| operation.name())
                .collect();
            assert_eq!(found, expected, "{word}");
        };
        check("HeadObject", &["HeadObject"]);
        check("DeleteObject", &["DeleteObject", "DeleteObjects"]);
        check("ListObjects", &["ListObjects", "ListObjectsV2"]);
        check("ListObjectsV2", &["ListObjects", "ListObjectsV2"]);
        check(
            "GetObject",
            &["GetObject", "GetObjectAttributes", "HeadObject", "SelectObjectContent"],
        );
        check("UploadPart", &["UploadPart"]);
        check("delete", &["DeleteObject", "DeleteObjects"]);
    }
}
