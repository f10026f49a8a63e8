//! The command line: arguments become options, and one library call each.
