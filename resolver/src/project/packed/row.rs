//! The record of one file: where its columns stand, and reading them.

use jiff::Timestamp;

use super::number;

/// Stands for "none" in a column of numbers.
pub(super) const NONE: u32 = u32::MAX;

/// Where the columns of a file stand within its record.
pub(super) mod record {
    pub(in super::super) const UPLOADED: usize = 0;
    pub(in super::super) const SIZE: usize = 8;
    pub(in super::super) const SHA256: usize = 16;
    /// Offset into the text of path, file name and reason, in this order.
    pub(in super::super) const TEXT: usize = 48;
    pub(in super::super) const PATH_LENGTH: usize = 52;
    pub(in super::super) const NAME_LENGTH: usize = 56;
    pub(in super::super) const REASON_LENGTH: usize = 60;
    pub(in super::super) const ORIGIN: usize = 64;
    pub(in super::super) const WHEEL: usize = 68;
    pub(in super::super) const PYTHON: usize = 72;
    pub(in super::super) const DIGEST: usize = 76;
    pub(in super::super) const FLAGS: usize = 80;
    pub(in super::super) const WIDTH: usize = 84;
}

pub(super) mod flag {
    pub(in super::super) const YANKED: u32 = 1;
    pub(in super::super) const HAS_SHA256: u32 = 2;
    /// The address ends in the file name, which is not repeated.
    pub(in super::super) const ENDS_IN_NAME: u32 = 4;
    pub(in super::super) const METADATA_ABSENT: u32 = 8;
    pub(in super::super) const METADATA_AVAILABLE: u32 = 16;
    pub(in super::super) const HAS_UPLOADED: u32 = 32;
    pub(in super::super) const HAS_SIZE: u32 = 64;
}

/// The record of one file.
pub(super) struct Row<'a>(pub(super) &'a [u8]);

impl Row<'_> {
    pub(super) fn get(&self, column: usize) -> u32 {
        number(self.0, column).unwrap_or(NONE)
    }

    pub(super) fn wide(&self, column: usize) -> u64 {
        u64::from(self.get(column)) | u64::from(self.get(column + 4)) << 32
    }

    pub(super) fn optional(&self, column: usize) -> Option<u32> {
        Some(self.get(column)).filter(|index| *index != NONE)
    }

    pub(super) fn has(&self, flag: u32) -> bool {
        self.get(record::FLAGS) & flag != 0
    }

    pub(super) fn uploaded(&self) -> Option<Timestamp> {
        let microseconds = self.wide(record::UPLOADED).cast_signed();
        self.has(flag::HAS_UPLOADED)
            .then(|| Timestamp::from_microsecond(microseconds).ok())?
    }

    /// Path, file name and reason, one after the other.
    pub(super) fn spans(&self) -> [(usize, usize); 3] {
        let mut at = self.get(record::TEXT) as usize;
        [
            record::PATH_LENGTH,
            record::NAME_LENGTH,
            record::REASON_LENGTH,
        ]
        .map(|column| {
            let start = at;
            at = at.saturating_add(self.get(column) as usize);
            (start, at)
        })
    }

    pub(super) fn texts<'t>(&self, text: &'t [u8]) -> [&'t str; 3] {
        self.spans().map(|(start, end)| {
            let bytes = text.get(start..end).unwrap_or_default();
            std::str::from_utf8(bytes).unwrap_or_default()
        })
    }
}
