//! Bodies in the aws-chunked coding: the vectors and cases of the protocol reference, every split,
//! random bodies.

#[path = "aws_chunked/cases.rs"]
mod cases;
#[path = "aws_chunked/limits.rs"]
mod limits;
#[path = "aws_chunked/properties.rs"]
mod properties;
#[path = "aws_chunked/sinks.rs"]
mod sinks;
#[path = "aws_chunked/splits.rs"]
mod splits;
#[path = "aws_chunked/support.rs"]
mod support;
#[path = "aws_chunked/vectors.rs"]
mod vectors;
