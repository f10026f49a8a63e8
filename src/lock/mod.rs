//! A lock as a value: what is written, and how it is read back.
