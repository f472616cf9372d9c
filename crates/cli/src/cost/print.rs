//! Tables, as text for a terminal and as Markdown.

/// A table. All columns but the first are figures.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new<T: Into<String>>(head: impl IntoIterator<Item = T>) -> Self {
        Self { head: head.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// As Markdown, without a line break behind it.
    pub fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |", cells.join(" | "));
        let rule: Vec<String> =
            (0..self.head.len()).map(|column| if column == 0 { "---" } else { "---:" }.to_owned()).collect();
        let rows = self.rows.iter().map(|cells| line(cells));
        [line(&self.head), line(&rule)].into_iter().chain(rows).collect::<Vec<_>>().join("\n")
    }

    /// As text in columns, without a line break behind it.
    pub fn text(&self) -> String {
        let all = || std::iter::once(&self.head).chain(&self.rows);
        let width = |column: usize| {
            all().filter_map(|cells| cells.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.head.len()).map(width).collect();
        let line = |cells: &Vec<String>| {
            let padded = cells.iter().zip(&widths).enumerate().map(|(column, (cell, width))| match column {
                0 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            });
            padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        all().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// Dollars with two digits.
pub(super) fn usd(dollars: f64) -> String {
    format!("{dollars:.2}")
}

/// A count with as many digits as it has, up to three after the point.
pub(super) fn number(count: f64) -> String {
    let text = format!("{count:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A count in thousands or millions.
pub(super) fn large(count: f64) -> String {
    match count {
        1e6.. => format!("{:.1} million", count / 1e6),
        1e3.. => format!("{:.0},000", count / 1e3),
        _ => format!("{count:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_text_and_markdown() {
        let mut table = Table::new(["part", "$"]);
        table.row(["SQS", "10.50"]);
        assert_eq!(table.markdown(), "| part | $ |\n| --- | ---: |\n| SQS | 10.50 |");
        assert_eq!(table.text(), "part      $\nSQS   10.50");
    }

    #[test]
    fn figures_have_few_digits() {
        assert_eq!((number(3.0), number(0.04), number(2.1234)), ("3".into(), "0.04".into(), "2.123".into()));
        assert_eq!((large(9_540_000.0), large(259_200.0)), ("9.5 million".into(), "259,000".into()));
        assert_eq!(usd(26.149), "26.15");
    }
}
