//! The words of S3: error codes and documents, buckets and keys, operations, and who may do what.
//!
//! The `sigv4` crate says whether a request is genuine, as facts; this one knows what S3 calls such a fact, what a
//! request asks for, and whether a client's grants cover it. Nothing here reads a clock, a file, the environment or
//! a socket, and nothing here writes a log.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(
    not(test),
    warn(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::unwrap_used
    )
)]

pub mod access;
pub mod address;
pub mod addressing;
pub mod answer;
pub mod authorize;
mod below_root;
pub mod bucket_names;
pub mod clients_file;
mod copy_source;
mod credentials_file;
pub mod delete_check;
pub mod denied;
pub mod error;
pub mod error_code;
mod error_xml;
pub mod grants;
pub mod key_root;
pub mod operation;
pub mod origin_error;
pub mod origin_health;
mod own_buckets;
pub mod reserved;
pub mod right;
pub mod upload_id;

pub use access::Access;
pub use address::Address;
pub use addressing::{Addressing, AddressingError, AddressingStyle, Placed};
pub use authorize::{Authorized, authorize};
pub use bucket_names::host_label::bucket_in_host;
pub use bucket_names::{BucketName, BucketNameError, BucketNames};
pub use clients_file::{ClientsError, ClientsFile, ListedClient, SecretReference};
pub use credentials_file::{CredentialsError, CredentialsFile};
pub use delete_check::{DeleteCheck, DeleteFault, RootedDelete};
pub use denied::Denied;
pub use error::{FaultSource, S3Error};
pub use error_code::ErrorCode;
pub use grants::{ClientAddress, Decision, Grant, Grants, Network, Verb};
pub use key_root::KeyRoot;
pub use operation::{Operation, OperationKind};
pub use origin_error::{Finding, OriginError};
pub use own_buckets::own_bucket_list;
pub use reserved::Reserved;
pub use right::Right;
pub use upload_id::{OriginTag, OriginUpload, UnknownUploadId, UploadIdKeys, UploadRequest};
