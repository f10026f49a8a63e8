//! Values become text; pure.
