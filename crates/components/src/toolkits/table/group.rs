//! Rows in groups, and what is worked out for each.

use super::aggregates::{self, AGGREGATES};
use super::answer::{Trouble, Val};
use super::call::Arguments;
use super::cell::{Cell, Dtype};
use super::compute::{self, places};
use super::frame::{Frame, Index, Series};
use super::group_rows;

/// `frame.groupby(keys)`, or some of its columns.
#[derive(Debug, Clone)]
pub(super) struct Group {
    keys: Vec<Series>,
    pub(super) columns: Vec<Series>,
    /// What a function of the model's own gets of each group, unless it is a single column.
    pub(super) whole: Frame,
    /// Whether one column was chosen by itself: results are then a Series.
    single: bool,
    /// The rows of each group, in the order of the result.
    pub(super) rows: Vec<Vec<usize>>,
    as_index: bool,
}

impl Group {
    /// The groups of a table by columns, or by values beside it; rows without a key belong to none.
    pub fn new(frame: &Frame, by: &Val, arguments: &Arguments) -> Result<Self, Trouble> {
        let parts = match by {
            Val::List(items) if !items.is_empty() => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        let mut own = Vec::new();
        let mut key = |part: &Val| match part {
            Val::Series(series) if series.index == frame.index => {
                let column = series.name.as_deref().and_then(|name| frame.column(name));
                own.extend(column.filter(|column| column.cells == series.cells).and_then(|c| c.name));
                Ok(series.clone())
            }
            Val::Text(_) | Val::Int(_) => {
                let name = part.shown();
                let column = frame.column(&name).ok_or_else(|| Trouble::key(&Cell::text(&name)))?;
                own.push(name);
                Ok(column)
            }
            _ => Err(Trouble::unknown("groupby by anything but columns")),
        };
        let keys: Vec<Series> = parts.iter().map(&mut key).collect::<Result<_, _>>()?;
        let columns = frame.all_series().into_iter();
        let columns = columns.filter(|series| !own.iter().any(|name| Some(name) == series.name.as_ref()));
        Self::over(keys, columns.collect(), frame.clone(), false, arguments)
    }

    /// The groups of a column by others.
    pub fn of_series(series: Series, keys: Vec<Series>, arguments: &Arguments) -> Result<Self, Trouble> {
        if keys.iter().any(|key| key.index != series.index) {
            return Err(Trouble::unknown("groupby by a column with other rows"));
        }
        Self::over(keys, vec![series], Frame::of(Index::Range(0), Vec::new()), true, arguments)
    }

    fn over(
        keys: Vec<Series>,
        columns: Vec<Series>,
        whole: Frame,
        single: bool,
        arguments: &Arguments,
    ) -> Result<Self, Trouble> {
        // All groups that are there are shown, and keys stand before them in any case.
        arguments.ignore(&["observed", "group_keys"]);
        if keys.iter().any(|key| key.dtype == Dtype::List) {
            return Err(Trouble::types("unhashable type: 'list'"));
        }
        let count = keys.first().map_or(0, Series::len);
        let drop_missing = arguments.flag("dropna", true)?;
        let is_complete = |row: &usize| !drop_missing || keys.iter().all(|key| !key.cells[*row].is_null());
        let complete: Vec<usize> = (0..count).filter(is_complete).collect();
        let of = |row: &usize| keys.iter().map(|key| key.cells[*row].key()).collect();
        let mut rows: Vec<Vec<usize>> = places(complete.iter().map(of));
        rows.iter_mut().flatten().for_each(|at| *at = complete[*at]);
        if arguments.flag("sort", true)? {
            let firsts: Vec<Vec<Cell>> =
                keys.iter().map(|key| rows.iter().map(|rows| key.cells[rows[0]].clone()).collect()).collect();
            let by: Vec<(&[Cell], bool)> = firsts.iter().map(|cells| (cells.as_slice(), true)).collect();
            let order = compute::sorted(&by)?;
            rows = order.into_iter().map(|at| std::mem::take(&mut rows[at])).collect();
        }
        Ok(Self { keys, columns, whole, single, rows, as_index: arguments.flag("as_index", true)? })
    }

    /// The column that was chosen by itself.
    pub fn single(&self) -> Option<&Series> {
        self.columns.first().filter(|_| self.single)
    }

    /// The rows of all groups together.
    pub fn count(&self) -> usize {
        self.rows.iter().map(Vec::len).sum::<usize>() * (self.columns.len() + self.keys.len()).max(1)
    }

    /// The columns that it keeps.
    pub fn held(&self) -> impl Iterator<Item = &Series> {
        self.columns.iter().chain(&self.keys)
    }

    /// What there is of each group: a column or a table.
    pub fn parts(&self) -> impl Iterator<Item = Val> + '_ {
        self.rows.iter().map(|rows| match self.single() {
            Some(series) => Val::Series(series.take(rows)),
            None => Val::Frame(self.whole.take(rows)),
        })
    }

    /// What there is of the group with this only key.
    pub fn part(&self, wanted: &Cell) -> Option<Val> {
        let [key] = self.keys.as_slice() else { return None };
        let at = self.rows.iter().position(|rows| key.cells[rows[0]].equals(wanted))?;
        self.parts().nth(at)
    }

    /// One value a group.
    pub fn series(&self, cells: Vec<Cell>) -> Result<Val, Trouble> {
        if !self.as_index {
            return Err(Trouble::unknown("as_index=False with this"));
        }
        let name = self.single().and_then(|series| series.name.as_deref());
        Ok(Val::Series(Series::new(name, self.index(), cells)))
    }

    /// `group['a']` or `group[['a', 'b']]`.
    pub fn select(&self, names: &[String], single: bool) -> Result<Self, Trouble> {
        let all = self.columns.iter().chain(&self.keys);
        let column = |name: &String| {
            all.clone()
                .find(|series| series.name.as_ref() == Some(name))
                .cloned()
                .ok_or_else(|| Trouble(format!("KeyError: 'Column not found: {name}'")))
        };
        let columns: Vec<Series> = names.iter().map(column).collect::<Result<_, _>>()?;
        let whole = match columns.first() {
            Some(first) => Frame::of(first.index.clone(), columns.clone()),
            None => self.whole.clone(),
        };
        Ok(Self { columns, whole, single, ..self.clone() })
    }

    /// A method of the groups.
    pub fn call(&self, name: &str, arguments: &Arguments) -> Result<Val, Trouble> {
        match name {
            "size" => {
                let cells = self.rows.iter().map(|rows| Cell::Int(rows.len() as i64)).collect();
                Ok(self.finished(vec![Series::new(None, self.index(), cells).typed(Dtype::Int)], true))
            }
            "agg" | "aggregate" => self.agg(arguments),
            "value_counts" if self.single => self.value_counts(),
            "ngroups" => Ok(Val::Int(self.rows.len() as i64)),
            name if AGGREGATES.contains(&name) => {
                let only_numbers = arguments.flag("numeric_only", false)?;
                let wanted = self.columns.iter().filter(|series| !only_numbers || series.dtype.counts());
                let columns = wanted.map(|series| self.column(name, series)).collect::<Result<_, _>>()?;
                Ok(self.finished(columns, self.single))
            }
            _ => group_rows::call(self, name, arguments),
        }
    }

    /// One aggregate of one column, by group.
    fn column(&self, name: &str, series: &Series) -> Result<Series, Trouble> {
        let cells: Vec<Cell> = self
            .rows
            .iter()
            .map(|rows| aggregates::of_group(name, &series.take(rows)))
            .collect::<Result<_, _>>()?;
        let made = Series::new(series.name.as_deref(), self.index(), cells);
        Ok(if matches!(name, "mean" | "median" | "std" | "var") { made.typed(Dtype::Float) } else { made })
    }

    pub(super) fn index(&self) -> Index {
        let labels =
            |key: &Series| self.rows.iter().map(|rows| key.cells[rows[0]].clone()).collect::<Vec<_>>();
        match self.keys.as_slice() {
            [key] => Index::labels(key.name.as_deref(), labels(key)),
            keys => {
                let names = keys.iter().map(|key| key.name.clone().unwrap_or_default()).collect();
                Index::Levels(names, std::sync::Arc::new(keys.iter().map(labels).collect()))
            }
        }
    }

    pub(super) fn finished(&self, columns: Vec<Series>, single: bool) -> Val {
        if !self.as_index {
            let mut frame = Frame::of(
                self.index(),
                columns
                    .into_iter()
                    .map(|mut series| {
                        series.name.get_or_insert_with(|| "size".to_owned());
                        series
                    })
                    .collect(),
            );
            frame = super::select::reset_index(&frame, false);
            return Val::Frame(frame);
        }
        match (single, columns.len()) {
            (true, 1) => columns.into_iter().next().map_or(Val::None, Val::Series),
            _ => Val::Frame(Frame::of(self.index(), columns)),
        }
    }

    /// `agg('mean')`, `agg(['mean', 'max'])`, `agg({'a': 'mean'})`, `agg(total=('a', 'sum'))`.
    fn agg(&self, arguments: &Arguments) -> Result<Val, Trouble> {
        let named = |name: &str| self.columns.iter().find(|series| series.name.as_deref() == Some(name));
        if let Some(Val::Dict(pairs)) = arguments.first() {
            let mut columns = Vec::new();
            for (column, how) in pairs {
                let column = column.shown();
                let series = named(&column).ok_or_else(|| Trouble::key(&Cell::text(&column)))?;
                let hows = function_names(how)?;
                for how in &hows {
                    let mut made = self.column(how, series)?;
                    if matches!(hows.as_slice(), [_, _, ..]) {
                        made.name = Some(format!("{column} {how}"));
                    }
                    columns.push(made);
                }
            }
            return Ok(self.finished(columns, false));
        }
        if let Some(how) = arguments.first() {
            let hows = function_names(how)?;
            if !matches!(how, Val::List(_)) && hows[0] == "list" {
                return group_rows::call(self, "apply", arguments);
            }
            if !matches!(how, Val::List(_)) {
                return self.call(&hows[0], &Arguments::default());
            }
            let mut columns = Vec::new();
            for series in &self.columns {
                for how in &hows {
                    let mut made = self.column(how, series)?;
                    let column = series.name.as_deref().unwrap_or_default();
                    made.name = Some(if self.single { how.clone() } else { format!("{column} {how}") });
                    columns.push(made);
                }
            }
            return Ok(self.finished(columns, false));
        }
        let mut columns = Vec::new();
        for (name, value) in arguments.all_named() {
            let made = match value {
                Val::Tuple(pair) if pair.len() == 2 => {
                    let column = pair[0].shown();
                    let series = named(&column).ok_or_else(|| Trouble::key(&Cell::text(&column)))?;
                    self.column(&function_names(&pair[1])?[0], series)?
                }
                how if self.single => self.column(&function_names(how)?[0], &self.columns[0])?,
                _ => return Err(Trouble::unknown("this form of agg")),
            };
            columns.push(Series { name: Some(name.clone()), ..made });
        }
        Ok(self.finished(columns, false))
    }

    fn value_counts(&self) -> Result<Val, Trouble> {
        let Some(series) = self.columns.first() else {
            return Err(Trouble::unknown("value_counts of no column"));
        };
        let mut levels: Vec<Vec<Cell>> = vec![Vec::new(); self.keys.len() + 1];
        let mut cells = Vec::new();
        for rows in &self.rows {
            // Values that stand there equally often come in their own order.
            let part = series.take(rows);
            let part = part.take(&compute::sorted(&[(&part.cells, true)])?);
            let counts = compute::value_counts(&part, false, false, true);
            for at in 0..counts.len() {
                for (level, key) in levels.iter_mut().zip(&self.keys) {
                    level.push(key.cells[rows[0]].clone());
                }
                levels[self.keys.len()].push(counts.index.label(at));
                cells.push(counts.cells[at].clone());
            }
        }
        let names =
            self.keys.iter().chain([series]).map(|series| series.name.clone().unwrap_or_default()).collect();
        let index = Index::Levels(names, std::sync::Arc::new(levels));
        Ok(Val::Series(Series::new(Some("count"), index, cells).typed(Dtype::Int)))
    }
}

/// The names of aggregates: texts, or functions such as `len` and `np.mean`.
pub(super) fn function_names(how: &Val) -> Result<Vec<String>, Trouble> {
    let name = |value: &Val| match value {
        Val::Text(name) => Ok(name.clone()),
        Val::Name(name) => {
            let name = name.rsplit('.').next().unwrap_or_default();
            Ok(if name == "len" { "size" } else { name }.to_owned())
        }
        _ => Err(Trouble::unknown("this aggregate")),
    };
    match how {
        Val::List(items) | Val::Tuple(items) if !items.is_empty() => items.iter().map(name).collect(),
        other => Ok(vec![name(other)?]),
    }
}
