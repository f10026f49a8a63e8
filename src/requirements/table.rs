//! A sorted tab-separated text, searched in place: nothing is built at start.

/// Lines sorted bytewise by their first column; empty trailing columns are left out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table {
    text: &'static str,
}

/// One line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    line: &'static str,
}

impl Table {
    pub(super) fn new(text: &'static str) -> Self {
        Self { text }
    }

    /// The line with this first column, by binary search over byte positions.
    pub(super) fn row(&self, key: &str) -> Option<Row> {
        let (mut low, mut high) = (0, self.text.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let row = self.line_around(middle)?;
            match row.key().as_bytes().cmp(key.as_bytes()) {
                std::cmp::Ordering::Equal => return Some(row),
                std::cmp::Ordering::Less => low = self.end_of(middle) + 1,
                std::cmp::Ordering::Greater => high = self.start_of(middle),
            }
        }
        None
    }

    /// Every line.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row> + use<> {
        self.text.lines().map(|line| Row { line })
    }

    fn line_around(&self, position: usize) -> Option<Row> {
        let line = self
            .text
            .get(self.start_of(position)..self.end_of(position))?;
        Some(Row { line })
    }

    fn start_of(&self, position: usize) -> usize {
        let before = self.text.as_bytes().get(..position).unwrap_or_default();
        memchr::memrchr(b'\n', before).map_or(0, |at| at + 1)
    }

    fn end_of(&self, position: usize) -> usize {
        let after = self.text.as_bytes().get(position..).unwrap_or_default();
        memchr::memchr(b'\n', after).map_or(self.text.len(), |at| position + at)
    }

    #[cfg(test)]
    pub(super) fn check_sorted(&self) {
        let keys: Vec<_> = self.rows().map(|row| row.key().as_bytes()).collect();
        for pair in keys.windows(2) {
            assert!(
                pair[0] < pair[1],
                "{:?} before {:?}",
                pair[0].escape_ascii().to_string(),
                pair[1].escape_ascii().to_string()
            );
        }
    }
}

impl Row {
    /// The first column.
    pub(super) fn key(&self) -> &'static str {
        self.column(0)
    }

    /// A column from 0; empty when left out.
    pub(super) fn column(&self, index: usize) -> &'static str {
        self.line.split('\t').nth(index).unwrap_or_default()
    }

    /// The items of a column that holds a `;` list.
    pub(super) fn list(&self, index: usize) -> impl Iterator<Item = &'static str> + use<> {
        self.column(index)
            .split(';')
            .filter(|item| !item.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_found_and_nothing_else() {
        let table = Table::new("a\t1\nab\nb\t2;3\nzz\tlast\n");
        for key in ["a", "ab", "b", "zz"] {
            assert_eq!(table.row(key).unwrap().key(), key);
        }
        for key in ["", "0", "aa", "abc", "c", "zzz"] {
            assert!(table.row(key).is_none(), "{key}");
        }
        assert_eq!(
            table.row("b").unwrap().list(1).collect::<Vec<_>>(),
            ["2", "3"]
        );
        assert!(Table::new("").row("a").is_none());
    }
}
