//! Maximal marginal relevance: near the question and far from each other.

use super::nearest::dot;

/// Which of the candidates are taken, in order: `k` at most. As LangChain's: cosines, the nearest first, then
/// whichever has the most of `lambda * nearness - (1 - lambda) * likeness to what was taken`; ties go to the
/// earlier candidate.
pub(crate) fn diverse(question: &[f32], candidates: &[Vec<f32>], k: usize, lambda: f32) -> Vec<usize> {
    let nearness: Vec<f32> = candidates.iter().map(|candidate| cosine(candidate, question)).collect();
    let mut likeness = vec![f32::NEG_INFINITY; candidates.len()];
    let mut taken: Vec<usize> = Vec::new();
    while taken.len() < k.min(candidates.len()) {
        let worth = |i: usize| match taken.is_empty() {
            true => nearness[i],
            false => lambda * nearness[i] - (1.0 - lambda) * likeness[i],
        };
        let open = (0..candidates.len()).filter(|i| !taken.contains(i));
        let best = open.reduce(|best, i| if worth(i) > worth(best) { i } else { best });
        let Some(best) = best else { break };
        taken.push(best);
        for (likeness, candidate) in likeness.iter_mut().zip(candidates) {
            *likeness = likeness.max(cosine(candidate, &candidates[best]));
        }
    }
    taken
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let lengths = dot(a, a).sqrt() * dot(b, b).sqrt();
    if lengths > 0.0 { dot(a, b) / lengths } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_the_same_is_taken_last() {
        let at = |degrees: f32| vec![degrees.to_radians().cos(), degrees.to_radians().sin()];
        let candidates = [at(2.0), at(1.0), at(0.5), at(-40.0)];
        let cases: [(f32, usize, &[usize]); 5] = [
            (1.0, 3, &[2, 1, 0]),
            (0.5, 2, &[2, 3]),
            (0.0, 4, &[2, 3, 0, 1]),
            (0.5, 9, &[2, 3, 1, 0]),
            (0.5, 0, &[]),
        ];
        for (lambda, k, expected) in cases {
            assert_eq!(diverse(&at(0.0), &candidates, k, lambda), expected, "{lambda} {k}");
        }
    }
}
