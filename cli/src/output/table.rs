//! Plain tables: columns under upper-case heads, no lines, so that they can be read and cut.

use comfy_table::{Cell, Color, ContentArrangement, Row, Table, presets};

use super::terminal::Tone;

/// Rows under heads; the last column is not padded.
#[derive(Debug)]
pub(crate) struct Grid {
    table: Table,
    paint: bool,
    rows: usize,
}

impl Grid {
    /// A table with these heads.
    pub(crate) fn new(heads: &[&str], paint: bool) -> Self {
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled)
            .set_header(Row::from(heads.iter().map(Cell::new).collect::<Vec<_>>()));
        if paint {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        Self {
            table,
            paint,
            rows: 0,
        }
    }

    /// Adds a row: texts with the tone of those that have one.
    pub(crate) fn row<'a>(&mut self, cells: impl IntoIterator<Item = (&'a str, Option<Tone>)>) {
        let paint = self.paint;
        let cells = cells.into_iter().map(|(text, tone)| {
            // An empty cell would shift everything for a reader that splits at spaces.
            let cell = Cell::new(if text.is_empty() { "-" } else { text });
            match tone.filter(|_| paint) {
                Some(Tone::Good) => cell.fg(Color::DarkGreen),
                Some(Tone::Doubt) => cell.fg(Color::DarkYellow),
                Some(Tone::Bad) => cell.fg(Color::DarkRed),
                Some(Tone::Faint) => cell.fg(Color::DarkGrey),
                None => cell,
            }
        });
        self.table.add_row(Row::from(cells.collect::<Vec<_>>()));
        self.rows += 1;
    }

    /// Adds a row of plain texts.
    pub(crate) fn plain<'a>(&mut self, cells: impl IntoIterator<Item = &'a str>) {
        self.row(cells.into_iter().map(|text| (text, None)));
    }

    /// Whether there is anything under the heads.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The text, every line with its end.
    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        for line in self.table.lines() {
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_without_padding_at_the_end() {
        let mut grid = Grid::new(&["MESH", "NAME", "AGE"], false);
        grid.plain(["default", "edge-gateway", "5m"]);
        grid.plain(["m", "", "12s"]);
        assert_eq!(
            grid.render(),
            "MESH     NAME          AGE\ndefault  edge-gateway  5m\nm        -             12s\n"
        );
    }

    #[test]
    fn tones_are_painted_only_when_asked() {
        for paint in [false, true] {
            let mut grid = Grid::new(&["STATE"], paint);
            grid.row([("rejected", Some(Tone::Bad))]);
            assert_eq!(grid.render().contains('\u{1b}'), paint);
        }
    }
}
