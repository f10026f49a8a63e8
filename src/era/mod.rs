//! When code was alive, and with which Python: evidence with its places, and the choice it leads to.
//!
//! [`day`] weighs dates of history, notebooks, documents and what is used; [`python`] weighs
//! syntax, library, declarations and named versions. Both return the choice with its rivals.

mod dates;
pub mod day;
mod named;
pub mod python;
mod supported;

pub use day::{Candidate, Day, DaySource};
pub use python::{Fact, FactSource, Interval};
pub use supported::{PinPython, Supported, Unfit};
