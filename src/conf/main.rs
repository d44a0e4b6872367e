//! Directives of http{} that are no blocks.

use nginx::conf::{MainDirective, flag};
use nginx::{Conf, ConfError};

use crate::S3Signature;

/// `s3_malloc_keep on | off`
pub(crate) struct S3MallocKeep;

impl MainDirective for S3MallocKeep {
    fn set(cf: &mut Conf<'_>, words: &[&[u8]]) -> Result<(), ConfError> {
        let keep = flag(words)?;
        match cf.main_conf::<S3Signature>()?.malloc_keep.replace(keep) {
            Some(_) => Err("\"s3_malloc_keep\" directive is duplicate".into()),
            None => Ok(()),
        }
    }
}
