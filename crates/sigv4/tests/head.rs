//! Request heads: the vectors and cases of the protocol reference, what each accept's nearest reject is, what goes to the
//! origin, and that no bytes make anything panic.

#[path = "head/cases.rs"]
mod cases;
#[path = "head/keys.rs"]
mod keys;
#[path = "head/mutations.rs"]
mod mutations;
#[path = "head/origin.rs"]
mod origin;
#[path = "head/rules.rs"]
mod rules;
#[path = "head/support.rs"]
mod support;
#[path = "head/vectors.rs"]
mod vectors;
