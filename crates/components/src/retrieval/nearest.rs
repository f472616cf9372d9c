//! The exact nearest vectors of one or more indexes.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use millrace_engine::Document;

use super::filter::Filter;
use super::index::{Index, IndexError};

/// How far two vectors are from each other; smaller is nearer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Metric {
    /// The squared Euclidean distance: Chroma's and FAISS's unless they are told otherwise.
    SquaredL2,
    /// One minus the cosine; 1 where a vector has no direction.
    Cosine,
}

/// A row that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Near {
    /// How far it is.
    pub distance: f32,
    /// Which of the indexes it is in.
    pub index: usize,
    /// Where in it.
    pub row: usize,
}

impl Near {
    /// The document that was found.
    pub fn document(self, indexes: &[Index]) -> Result<Document, IndexError> {
        indexes[self.index].document(self.row)
    }
}

impl Eq for Near {}

impl Ord for Near {
    /// Ties go to what was put in first, so that the same question has the same answer.
    fn cmp(&self, other: &Self) -> Ordering {
        let place = |near: &Self| (near.index, near.row);
        self.distance.total_cmp(&other.distance).then_with(|| place(self).cmp(&place(other)))
    }
}

impl PartialOrd for Near {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The `k` nearest rows that pass the filter, nearest first. All indexes have the question's dimensions.
pub(crate) fn nearest(
    indexes: &[Index],
    question: &[f32],
    metric: Metric,
    k: usize,
    filter: &Filter,
) -> Result<Vec<Near>, IndexError> {
    // The farthest of the best so far is on top.
    let mut best: BinaryHeap<Near> = BinaryHeap::with_capacity(k.min(1024) + 1);
    let length = dot(question, question).sqrt();
    for (at, index) in indexes.iter().enumerate() {
        for (row, vector) in index.rows().enumerate() {
            let near = Near { distance: distance(metric, vector, question, length), index: at, row };
            let enters = best.len() < k || best.peek().is_some_and(|farthest| near < *farthest);
            if enters && (filter.is_empty() || filter.passes(&index.document(row)?.metadata)) {
                best.push(near);
                if best.len() > k {
                    best.pop();
                }
            }
        }
    }
    Ok(best.into_sorted_vec())
}

fn distance(metric: Metric, row: &[u8], question: &[f32], length: f32) -> f32 {
    match metric {
        Metric::SquaredL2 => sum(row, question, |x, q| (x - q) * (x - q)),
        Metric::Cosine => {
            let lengths = sum(row, question, |x, _| x * x).sqrt() * length;
            let cosine = if lengths > 0.0 { sum(row, question, |x, q| x * q) / lengths } else { 0.0 };
            1.0 - cosine
        }
    }
}

/// Sums over a row as it lies in the index. Several sums run side by side: one would make each addition wait
/// for the one before it.
fn sum(row: &[u8], question: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    const LANES: usize = 16;
    let (rows, row_rest) = row.as_chunks::<{ LANES * 4 }>();
    let (questions, question_rest) = question.as_chunks::<LANES>();
    let mut sums = [0_f32; LANES];
    for (bytes, q) in rows.iter().zip(questions) {
        let (floats, _) = bytes.as_chunks::<4>();
        for (sum, (x, q)) in sums.iter_mut().zip(floats.iter().zip(q)) {
            *sum += term(f32::from_le_bytes(*x), *q);
        }
    }
    let (floats, _) = row_rest.as_chunks::<4>();
    let rest = floats.iter().zip(question_rest).map(|(x, q)| term(f32::from_le_bytes(*x), *q));
    sums.into_iter().chain(rest).sum()
}

/// The inner product.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Map, json};

    fn index(vectors: &[Vec<f32>]) -> Index {
        let document = |n: usize| {
            let metadata = json!({"odd": n % 2 == 1}).as_object().cloned().unwrap();
            Document { page_content: n.to_string(), metadata }
        };
        Index::build(&(0..vectors.len()).map(document).collect::<Vec<_>>(), vectors).unwrap()
    }

    fn places(found: &[Near]) -> Vec<(usize, usize)> {
        found.iter().map(|near| (near.index, near.row)).collect()
    }

    fn any() -> Filter {
        Filter::of(&Map::new()).unwrap()
    }

    #[test]
    fn the_nearest_come_first_and_ties_keep_their_order() {
        let far = index(&[vec![3.0, 0.0], vec![1.0, 0.0], vec![1.0, 0.0]]);
        let near = index(&[vec![1.0, 0.0], vec![0.0, 0.1]]);
        let all = [far, near];
        let found = nearest(&all, &[0.0, 0.0], Metric::SquaredL2, 4, &any()).unwrap();
        assert_eq!(places(&found), [(1, 1), (0, 1), (0, 2), (1, 0)]);
        assert_eq!(found[1].distance, 1.0);
        assert_eq!(nearest(&all, &[0.0, 0.0], Metric::SquaredL2, 99, &any()).unwrap().len(), 5);
        assert_eq!(nearest(&all, &[0.0, 0.0], Metric::SquaredL2, 0, &any()).unwrap(), []);
    }

    #[test]
    fn a_filter_leaves_out_before_it_counts() {
        let all = [index(&[vec![0.0], vec![1.0], vec![2.0], vec![3.0]])];
        let odd = Filter::of(json!({"odd": true}).as_object().unwrap()).unwrap();
        assert_eq!(places(&nearest(&all, &[0.0], Metric::SquaredL2, 2, &odd).unwrap()), [(0, 1), (0, 3)]);
    }

    #[test]
    fn the_cosine_looks_at_directions_alone() {
        let all = [index(&[vec![0.1, 0.1], vec![9.0, 0.0], vec![0.0, 0.0]])];
        let found = nearest(&all, &[5.0, 0.0], Metric::Cosine, 3, &any()).unwrap();
        assert_eq!(places(&found), [(0, 1), (0, 0), (0, 2)]);
        assert!(found[0].distance.abs() < 1e-6 && (found[2].distance - 1.0).abs() < 1e-6, "{found:?}");
    }

    /// Against a plain reading of the definition, for lengths on both sides of the lanes.
    #[test]
    fn sums_are_those_of_the_definition() {
        for dimensions in [1, 15, 16, 17, 64, 100] {
            let wave =
                |seed: usize| (0..dimensions).map(|i| ((i * 7 + seed) as f32).sin()).collect::<Vec<_>>();
            let (row, question) = (wave(1), wave(2));
            let plain: f64 = row.iter().zip(&question).map(|(x, q)| f64::from(x - q).powi(2)).sum();
            let all = [index(&[row])];
            let found = nearest(&all, &question, Metric::SquaredL2, 1, &any()).unwrap()[0].distance;
            assert!((f64::from(found) - plain).abs() < 1e-4, "{dimensions}: {found} {plain}");
        }
    }
}
