//! Embeddings that a demonstration can search with: texts that share words lie close to each other.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::answer::{model, tokens, usage};

/// The dimensions of `text-embedding-3-small`.
const DIMENSIONS: usize = 1536;

pub(super) fn answer(request: &Value) -> Value {
    let inputs = inputs(&request["input"]);
    let dimensions =
        request["dimensions"].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(DIMENSIONS);
    let dimensions = dimensions.clamp(1, 2 * DIMENSIONS);
    let as_base64 = request["encoding_format"] == "base64";
    let data = inputs.iter().enumerate().map(|(index, text)| {
        let vector = embed(text, dimensions);
        let embedding = if as_base64 { encode(&vector).into() } else { json!(vector) };
        json!({"object": "embedding", "index": index, "embedding": embedding})
    });
    let mut usage = usage(inputs.iter().map(|text| tokens(text)).sum(), 0);
    usage.as_object_mut().map(|usage| usage.remove("completion_tokens"));
    json!({"object": "list", "data": data.collect::<Vec<_>>(), "model": model(request), "usage": usage})
}

/// A text, a list of texts, one list of token numbers, or a list of such lists. Token numbers are taken as words.
fn inputs(input: &Value) -> Vec<String> {
    let words = |numbers: &[Value]| numbers.iter().map(Value::to_string).collect::<Vec<_>>().join(" ");
    match input {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) if items.first().is_some_and(Value::is_number) => vec![words(items)],
        Value::Array(items) => items
            .iter()
            .map(|item| match item {
                Value::Array(numbers) => words(numbers),
                other => other.as_str().unwrap_or_default().to_owned(),
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// Feature hashing: each word adds one, with a sign, to the place that its digest names; then the length is made 1.
fn embed(text: &str, dimensions: usize) -> Vec<f32> {
    let mut vector = vec![0f32; dimensions];
    let lower = text.to_lowercase();
    for word in lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let digest: [u8; 16] = md5::compute(word).into();
        let place =
            digest[..8].iter().fold(0usize, |sum, byte| (sum * 256 + usize::from(*byte)) % dimensions);
        vector[place] += if digest[8].is_multiple_of(2) { 1.0 } else { -1.0 };
    }
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    match length > 0.0 {
        true => vector.iter_mut().for_each(|x| *x /= length),
        false => vector[0] = 1.0,
    }
    vector
}

/// Little-endian 32-bit floats, in Base64.
fn encode(vector: &[f32]) -> String {
    STANDARD.encode(vector.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_with_common_words_are_closer() {
        let [a, b, c] =
            ["The mill turns", "the mill stands", "quite another thing"].map(|text| embed(text, 1536));
        let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f32>();
        assert!((dot(&a, &a) - 1.0).abs() < 1e-5);
        assert!(dot(&a, &b) > dot(&a, &c));
    }

    #[test]
    fn every_form_of_input_has_its_vectors() {
        let cases = [
            (json!("one text"), 1),
            (json!(["one", "two"]), 2),
            (json!([1, 2, 3]), 1),
            (json!([[1, 2], [3], [4]]), 3),
            (json!([]), 0),
        ];
        for (input, count) in cases {
            let answer = answer(&json!({"input": input, "dimensions": 8}));
            assert_eq!(answer["data"].as_array().unwrap().len(), count, "{input}");
        }
        let floats = answer(&json!({"input": "one text", "dimensions": 4}));
        let base64 = answer(&json!({"input": "one text", "dimensions": 4, "encoding_format": "base64"}));
        let bytes = STANDARD.decode(base64["data"][0]["embedding"].as_str().unwrap()).unwrap();
        let decoded: Vec<f32> = bytes.chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
        assert_eq!(json!(decoded), floats["data"][0]["embedding"]);
    }
}
