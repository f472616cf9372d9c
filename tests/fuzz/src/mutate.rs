//! Changes to inputs: of bytes, of words, of JSON trees, and of scale, which finds what is not linear.

use fastrand::Rng;
use serde_json::{Map, Value as Json};

/// What is mixed into an input.
pub struct Kitchen<'a> {
    /// Words that inputs are made of.
    pub words: &'a [&'a str],
    /// Other inputs.
    pub others: &'a [Vec<u8>],
    /// Bytes of an input at most.
    pub most: usize,
}

/// Texts that are taken for something else, or end where nobody expects it.
const WORDS: &[&str] = &[
    "\0",
    "\n",
    "\r\n",
    "\t",
    "\u{feff}",
    "ä",
    "\u{1f600}",
    "\u{130}",
    "\u{2028}",
    "e\u{301}",
    "\"",
    "'",
    "`",
    "\\",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "<",
    ">",
    "-",
    "--",
    ",",
    ";",
    ":",
    ".",
    "..",
    "/",
    "#",
    "%",
    "%00",
    "&",
    "=",
    "*",
    "+",
    "0",
    "-1",
    "1e308",
    "1e999",
    "-0.0",
    "NaN",
    "inf",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "-9223372036854775808",
    "4294967296",
    "2147483648",
    "null",
    "true",
    "None",
    "\\u0000",
    "\\ud800",
    "\\x",
];

impl Kitchen<'_> {
    /// An input made of another by one to four changes.
    pub fn mutated(&self, input: &[u8], rng: &mut Rng) -> Vec<u8> {
        let mut input = input.to_vec();
        for _ in 0..rng.usize(1..=4) {
            input = self.changed(input, rng);
            input.truncate(self.most);
        }
        input
    }

    fn changed(&self, mut input: Vec<u8>, rng: &mut Rng) -> Vec<u8> {
        match rng.u8(0..12) {
            0 => flip(&mut input, rng),
            1 => drop(input.drain(part(&input, rng))),
            2 | 3 => put(&mut input, self.word(rng), rng),
            4 => splice(&mut input, self.other(rng), rng),
            5 => repeat(&mut input, self.most, rng),
            6 => nest(&mut input, self.word(rng), self.word(rng), rng),
            7 => number(&mut input, rng),
            8 => swap(&mut input, rng),
            _ => return self.json(&input, rng).unwrap_or_else(|| self.worded(input, rng)),
        }
        input
    }

    /// For what is no JSON: a word in place of a part.
    fn worded(&self, mut input: Vec<u8>, rng: &mut Rng) -> Vec<u8> {
        let part = part(&input, rng);
        input.splice(part, self.word(rng).bytes());
        input
    }

    fn word(&self, rng: &mut Rng) -> &str {
        let words = if self.words.is_empty() || rng.u8(0..3) == 0 { WORDS } else { self.words };
        rng.choice(words).copied().unwrap_or_default()
    }

    fn other(&self, rng: &mut Rng) -> &[u8] {
        rng.choice(self.others).map_or(&[], Vec::as_slice)
    }

    /// A change of the tree, if it is one.
    fn json(&self, input: &[u8], rng: &mut Rng) -> Option<Vec<u8>> {
        let mut tree: Json = serde_json::from_slice(input).ok()?;
        let other = serde_json::from_slice(self.other(rng)).unwrap_or(Json::Null);
        let value = match rng.u8(0..5) {
            0 => self.word(rng).into(),
            1 => serde_json::from_str(self.word(rng)).unwrap_or(Json::Null),
            2 => [Json::Null, Json::Bool(true), 0.into(), (-1).into(), u64::MAX.into(), 0.5.into()]
                [rng.usize(0..6)]
            .clone(),
            3 => tree_part(&other, rng),
            _ => tree_part(&tree, rng),
        };
        let place = tree_place(&mut tree, rng);
        match rng.u8(0..6) {
            0 => *place = Json::Array(vec![place.take(); rng.usize(1..4)]),
            1 => *place = Json::Object(Map::from_iter([(self.word(rng).to_owned(), place.take())])),
            2 => grow(place, self.word(rng), value),
            3 => shrink(place, rng),
            _ => *place = value,
        }
        serde_json::to_vec(&tree).ok()
    }
}

fn part(input: &[u8], rng: &mut Rng) -> std::ops::Range<usize> {
    let start = rng.usize(0..=input.len());
    let longest = (input.len() - start).min(1 << rng.u8(0..12));
    start..start + rng.usize(0..=longest)
}

fn flip(input: &mut [u8], rng: &mut Rng) {
    if !input.is_empty() {
        let at = rng.usize(0..input.len());
        input[at] = if rng.bool() { rng.u8(..) } else { input[at] ^ 1 << rng.u8(0..8) };
    }
}

fn put(input: &mut Vec<u8>, word: &str, rng: &mut Rng) {
    let at = rng.usize(0..=input.len());
    input.splice(at..at, word.bytes());
}

fn splice(input: &mut Vec<u8>, other: &[u8], rng: &mut Rng) {
    let (target, source) = (part(input, rng), part(other, rng));
    input.splice(target, other[source].iter().copied());
}

/// A part many times over.
fn repeat(input: &mut Vec<u8>, most: usize, rng: &mut Rng) {
    let part = part(input, rng);
    let room = most.saturating_sub(input.len()) / part.len().max(1);
    let times = if rng.u8(0..8) == 0 { room } else { rng.usize(0..=room.min(64)) };
    let repeated = input[part.clone()].repeat(times);
    input.splice(part.end..part.end, repeated);
}

/// A part between many openings and as many ends, or fewer.
fn nest(input: &mut Vec<u8>, open: &str, close: &str, rng: &mut Rng) {
    let (part, levels) = (part(input, rng), 1 << rng.u8(0..12));
    let close = match open {
        "[" => "]",
        "(" => ")",
        "{" => "}",
        _ => close,
    };
    let ends = if rng.bool() { levels } else { 0 };
    input.splice(part.end..part.end, close.repeat(ends).into_bytes());
    input.splice(part.start..part.start, open.repeat(levels).into_bytes());
}

/// Another number where one stands.
fn number(input: &mut Vec<u8>, rng: &mut Rng) {
    let digits: Vec<usize> = (0..input.len()).filter(|at| input[*at].is_ascii_digit()).collect();
    let Some(start) = rng.choice(digits) else { return };
    let length = input[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let other = match rng.u8(0..3) {
        0 => rng.u64(..).to_string(),
        1 => rng.u8(..).to_string(),
        _ => (1_u128 << rng.u8(0..=65)).wrapping_sub(u128::from(rng.u8(0..3))).to_string(),
    };
    input.splice(start..start + length, other.into_bytes());
}

/// Two parts in the other order.
fn swap(input: &mut Vec<u8>, rng: &mut Rng) {
    let part = part(input, rng);
    let taken: Vec<u8> = input.drain(part).collect();
    let at = rng.usize(0..=input.len());
    input.splice(at..at, taken);
}

/// Some place in a tree, deep ones as likely as others.
fn tree_place<'a>(tree: &'a mut Json, rng: &mut Rng) -> &'a mut Json {
    let children = match &*tree {
        Json::Array(items) => items.len(),
        Json::Object(fields) => fields.len(),
        _ => 0,
    };
    if children == 0 || rng.u8(0..6) == 0 {
        return tree;
    }
    let at = rng.usize(0..children);
    match tree {
        Json::Array(items) => tree_place(&mut items[at], rng),
        Json::Object(fields) => match fields.values_mut().nth(at) {
            Some(field) => tree_place(field, rng),
            None => unreachable!("it was counted"),
        },
        leaf => leaf,
    }
}

fn tree_part(tree: &Json, rng: &mut Rng) -> Json {
    tree_place(&mut tree.clone(), rng).take()
}

fn grow(place: &mut Json, name: &str, value: Json) {
    match place {
        Json::Array(items) => items.push(value),
        Json::Object(fields) => drop(fields.insert(name.to_owned(), value)),
        Json::String(text) => text.push_str(name),
        leaf => *leaf = value,
    }
}

fn shrink(place: &mut Json, rng: &mut Rng) {
    match place {
        Json::Array(items) if !items.is_empty() => drop(items.swap_remove(rng.usize(0..items.len()))),
        Json::Object(fields) if !fields.is_empty() => {
            let at = rng.usize(0..fields.len());
            let name = fields.keys().nth(at).cloned().unwrap_or_default();
            fields.shift_remove(&name);
        }
        leaf => *leaf = Json::Null,
    }
}
